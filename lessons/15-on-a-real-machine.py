# ---
# title: On a real machine
# objective: You run S13 on your own kernel under a time limit, and explain three differences to the model.
# needs: ["06", "08"]
# out_of_scope: [how the kernels were built, other scenarios than those recorded, other machines than x86]
# minutes: 30
# ---

# %% [markdown] id="story"
# ## Story: "That is only a model"
#
# You explain to a colleague why one wake without a page killed programs on Linux 5.6, and why it is harmless
# since 5.7. [fact:wake-is-fatal-before] [fact:wake-is-harmless-after] You show her the trace. She is not
# impressed.
#
# "That is only a model," she says. "Somebody wrote it, and then somebody wrote a lesson about it. Of course
# the two agree. What does Linux do?"
#
# She is right to ask. A model that was never held against the real thing is an opinion. So in this lesson you
# hold it against five kernels. Four of them were recorded. The fifth is the one that you are running on.
#
# Something will differ. It always does, and here is the real work: is the difference **noise**, something
# that the machine or the measuring does, or is it **Linux**?

# %% [markdown] id="cast"
# ### Who takes part
#
# The four kernels are 5.4.59, from before the series, 5.7.14, with it, and the later 6.1.176 and 6.18.44.
# (The emulator's older kernel was written from the source of 5.6; the recorded one is 5.4.) The first two
# were built with the same configuration. Each ran with one C program on it and nothing else. (All but the
# last ran in a PC emulator, which imitates hardware; the kernel inside is Linux itself.)
# [fact:recorded-one-program]
#
# That program plays your two parts. T makes one access to a missing page. M serves it through a userfaultfd,
# and does one of these:
#
# - `none`: after `50` ms M copies the page in
# - `wake1`: M answers the first message by a wake without a page, after `10` ms, and copies at the second
#   one. This is S13.
# - `wake3`: three such wakes
# - `sig1`: SIGUSR1, with a handler, while T waits; the page comes `300` ms later
# - `stop`: SIGSTOP, then SIGCONT, then the page
#
# T reads a byte itself (`user_read`), or lets the kernel do it by `read` from `/dev/zero` (`read_zero`), or
# through get_user_pages, with which the kernel looks up pages for a system call such as `process_vm_readv`
# (`pvm_readv`).

# %% id="setup"
from course.live import attempts_beside, beside, minor_faults, noticed, own_kernel, rounds, try_agrees
from course.predictions import answer, order, predict, reveal
from course.views import ready
from pyemu import Tree

ready()

# %% [markdown] id="predict"
# ## Predict: what will differ?
#
# Choose before you run on: put your letter between the empty quotes, and run the cell.

# %% id="predict-fields"
predict("15-fields", "")

# %% [markdown] id="run"
# ## Run: S13, first the crash
#
# Two kernels, each beside the tree that stands for it. Where the emulator says something else, there is a
# star.

# %% id="run-old"
beside("wake1", "5.4.59")

# %% [markdown] id="run-text"
# There it is: a real Linux, SIGBUS, after one message. That was no opinion. And the newer one:

# %% id="run-new"
newer = beside("wake1", "5.7.14")
newer

# %% id="reveal-fields"
reveal("15-fields", newer.starred[0])

# %% [markdown] id="crash"
# The outcome agrees, the messages agree, the sleep agrees. A counter does not. On both kernels a minor fault
# was counted that the model does not know, and on the older one there are even two. (A **minor** fault got
# its page without a wait, a **major** one had to wait.)
#
# Before you hunt it down, look closer at what agrees. An equal end may be luck.

# %% [markdown] id="trace"
# ## Trace: attempt by attempt, line by line
#
# For this, a 5.7.14 was built in which single patches can be switched off, and which writes a word whenever
# its fault path takes a step. [fact:recorded-single-patches] In `upto8` all patches from patch 9 on are
# off, so its rules are the old ones. M did the same as in `wake1`. Left the words of the kernel, beside
# them those of the emulator. Compare them line by line, as your colleague would. What is in the line before
# SIGBUS?

# %% id="trace-old"
attempts_beside("upto8")

# %% [markdown] id="trace-between"
# The second attempt has no ALLOW_RETRY (lesson 06), on a real machine too. Now the whole series:

# %% id="trace-new"
attempts_beside("v5_7")

# %% [markdown] id="trace-text"
# No star. The flags of each attempt are the same, bit by bit, and so is what it gave, when it slept, who took
# the lock and how often. Two programs that have no line in common, the kernel and the emulator, took the
# same way. (Take `"upto12"`, and find the line in which it parts from `upto8`.)

# %% [markdown] id="mechanism"
# ## Mechanism: three differences
#
# In the six goals (find vma, try, wait, wake, decide, retry) nothing differs. What differs lies beside them.
#
# **The clock.** The row `time, us` has a star each time. The emulator's clock moves when somebody waits or
# computes, by fixed amounts. A real one also moves while other tasks run, while an emulated PC is slow, while
# an interrupt comes. So a time is never compared. The *order* of events is.
#
# **Who runs when.** Here is the busy loop of lesson 10: SIGUSR1 is pending, the kernel copies, and each round
# queues a message and does not sleep. [fact:p12-p13-busy-loop]

# %% id="predict-spin"
predict("15-spin", "")

# %% id="run-spin"
spinning = rounds()
reveal("15-spin", spinning.table.lines[-1].cells[1])
spinning

# %% [markdown] id="spin-text"
# The outcome is the same on all of them, and the number of messages on none. M can read a message only as
# long as its round lasts. How often M looks in at the right moment is luck, and the speed of the machine.
# So the number is a **lower bound** for the rounds. The state is luck too: S or R, as the sample fell. Here
# is what the traced kernel wrote in a busy loop:

# %% id="trace-spin"
attempts_beside("v5_7", "S12")

# %% [markdown] id="spin-compare"
# What can be compared: that T spins, and the way up to the first repetition.
#
# **Who is measured.** The third difference is the counter. It deserves a hunt.

# %% [markdown] id="worked"
# ## Worked example: hunting one minor fault
#
# You have a number that is too large by one. Do not explain it yet. Vary the experiment, and see where it
# goes. `counted` is what the kernel counted, `more` is the difference to the row `none`, and `model` is
# this difference in the emulator.

# %% id="hunt"
minor_faults("5.4.59", "5.7.14")

# %% id="numbers-hunt" tags=["numbers"]
from course.conform.experiment import Experiment
from course.live.stored import experiment, script

_none = experiment("5.7.14", Experiment("user_read", "none")).values
_bus = script("upto8", "S13").values
_good = script("v5_7", "S13").values
{
    "exceptions": _none["sw_page_faults"],
    "bus_touched": _bus["minflt"],
    "good_touched": _good["minflt"],
}

# %% [markdown] id="hunt-one"
# **The first one is in every row**, also where M did nothing special. So what M does can't be its cause.
# The kernel saw {{exceptions}} page faults, though T makes one access: the other one must be the measuring
# program's own. Nobody has looked which of its pages it is. You need not know: **subtract the row `none`**,
# and it is gone.
#
# **The second one**, in `wake1` on 5.4.59, survives that. What is special there? T got SIGBUS. To call a
# handler, the kernel writes a **signal frame** on T's stack, and if the stack's next page is missing, that
# is a fault of its own. [fact:x86-signal-frame] A test of this idea: the traced kernel ran a program that
# had touched its stack beforehand. It counted {{bus_touched}} with SIGBUS and {{good_touched}} without: the
# first one is left, and the second one is gone. So **one more is allowed where a handler ran**, and nowhere
# else.
#
# **The third one**: `stop` on 5.4.59 says `+1`, though SIGSTOP has no handler. And the model says `+1` as
# well! This is no noise, this is Linux: before patch 10, a fault that was left for a signal returned
# NOPAGE, and that was counted as a minor fault. [fact:count-nopage-is-minor] On 5.7.14 it is gone. (In
# `sig1` on 5.4.59 two of the causes come together, and the model knows one of them.)
#
# Three extra faults, and three causes: the apparatus, the stack, the kernel.

# %% [markdown] id="order"
# ## Order the lines: S13 in C
#
# Soon you ask your own kernel. This is what will be done there. One line does not belong to it.

# %% id="order-steps"
order("15-steps", "")

# %% [markdown] id="write"
# ## Write it: when do two agree?
#
# Write the rule of comparing. It gets what a real kernel did and what the model says, as two dictionaries
# with the keys `outcome`, `messages`, `majflt`, `minflt`, `minflt_none` (of the row `none`),
# `handler_first` (a handler ran before the page came) and `blocked_us`. `spins` says that the model reports
# a busy loop, `frame` that a signal frame was written.
#
# A rule can be wrong in two ways. **Too strict**: it refuses a real kernel, though the model is right. **Too
# lax**: it accepts a model of another kernel. Yours will be tried for both. What stands there is too
# strict.

# %% id="my-rule"
def agrees(real, model, spins, frame):
    same = real["outcome"] == model["outcome"] and real["majflt"] == model["majflt"]
    minor = real["minflt"] == model["minflt"]
    return same and minor and real["blocked_us"] == model["blocked_us"]


# %% id="try-rule"
try_agrees(agrees)

# %% [markdown] id="break"
# ## Break it: a model with a patch missing
#
# Now turn it round. Keep the real 5.7.14 as it is and spoil the *model*: take one patch out of it.
# [fact:recorded-one-program] Do the rows notice? (The rule is that of `faultlab conform`. It compares more
# fields than yours, and forgives the same.)

# %% id="predict-notice"
predict("15-notice", "")

# %% id="run-notice"
spoilt = noticed(*(Tree.parse(f"v5_7-{n}") for n in (9, 10, 13, 14)))
single = [line.cells[0] for line in spoilt.table.lines if line.cells[1].startswith("1 ")]
reveal("15-notice", *single)
spoilt

# %% [markdown] id="notice-text"
# Without patch 10, everything is as on the real kernel: outcome, messages, states. Only one minor fault in
# one row, where T was stopped, is too many. A rule that forgives a fault everywhere, because "counters are
# noise", is blind to a whole patch. (Change yours to `<= 1` and try.)
#
# **A counter may be noise, and it may be the only witness.** The row `sig1` would show it, too, but there a
# handler ran, and one fault is forgiven.
#
# And patches 3, 15 and 16? What do you learn about the *rows* from the next table?

# %% id="own-notice"
noticed(*(Tree.parse(name) for name in ("v5_7-3", "v5_7-15", "v5_7-16")))

# %% [markdown] id="blind"
# Nothing differs, and yet these are not the same kernels. Patch 3 moves a test into a function of its own
# [fact:p03-helper]: there is nothing to see. Patch 15 makes a wait of get_user_pages killable
# [fact:p15-gup-killable], and no row here sends SIGKILL. Patch 16 lets the sleep follow the flags of the
# fault, and no caller's sleep is changed by that. [fact:p16-honour-killable] **Agreement says: in these
# rows, no difference was found.** It says no more than the rows ask.

# %% [markdown] id="real"
# ## The real thing: your kernel
#
# Now yours. Two processes are started. T makes a userfaultfd, touches a page that is there to get warm, and
# then the missing one. M serves it, and after five seconds it kills T, whatever T waits for. A limit of
# time is a must in such an experiment: a T that nobody wakes would wait for ever, and one that spins burns
# a CPU.
#
# Who may do that? Root may. Other users get a userfaultfd with `UFFD_USER_MODE_ONLY`, which serves accesses
# of user mode only. [fact:live-userfaultfd] Containers often refuse the call altogether. Then you are told
# so, and a recording takes the kernel's place. It stands there now, too: write `"yes"` between the quotes to
# ask your own.

# %% id="own-s13"
own_kernel("")

# %% [markdown] id="own-text"
# The middle column is the tree of this kernel, or the nearest one. The last column is the newer kernel that
# you know from this course. S13 is what it was: one wake too early, two messages, the value.
#
# And now the plainest experiment of all. No wake, no signal: M brings the page.

# %% id="own-none"
own_kernel("", event="none")

# %% [markdown] id="moment"
# **Your kernel agrees, except a counter.** What is minor here was major in Linux 5.7. Noise, or Linux? You
# have the tools. No handler ran. It is not one fault more, it is another kind of fault. And the tree of
# 6.18 says the same. It is Linux: since 6.8, a fault of user mode makes a first pass under the lock of its
# area (lesson 14). If the page comes while that pass waits, the next one finds it, has nothing to wait for,
# and is counted as minor. [fact:count-vma-lock] (A kernel older than 6.8 has no star at its counters: look
# at `beside("none", "6.1.176")`.)
#
# Last, the kernel's own access, with the userfaultfd of an ordinary user:

# %% id="own-copy"
own_kernel("", event="none", access="read_zero", user_mode_only=True)

# %% [markdown] id="copy-text"
# No message, no wait, EFAULT: this userfaultfd does not serve the kernel. [fact:uffd-user-mode-only] Who
# tries userfaultfd for the first time as an ordinary user, and with `read`, may well believe that it is
# broken.
#
# **Your turn.** Say for each star in these tables which of the three differences it is, or that it is Linux.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-copy"
answer("15-copy", "")

# %% id="question-bound"
answer("15-bound", "")

# %% id="question-counter"
answer("15-counter", "")

# %% [markdown] id="recap"
# ## Recap
#
# - Real kernels agree with the model in outcome, order, flags and sleeps. Attempt by attempt, no word
#   differs.
# - Three differences are not Linux: the clock; who runs when, which makes the messages of a busy loop a lower
#   bound; and what is measured along, the program's own pages and the signal frame.
# - Subtract a row without an event. Forgive one fault where a handler ran, and nowhere else: patch 10 shows
#   in a single counter.
# - Since 6.8 a userfault of user mode that is served at the first wait counts as minor.
#   [fact:count-vma-lock]
# - To agree means: in these rows, no difference was found.
#
# In one sentence of your own: what do you answer the colleague?
#
# To ask the emulator for an experiment that nobody has recorded, and to compare it with a file of records,
# type in a terminal:
#
# ```
# faultlab predict --kernel 5.7.14 --access user_read --event wake3
# faultlab conform FILE
# ```
#
# `faultlab live` asks the kernel you run on for all these experiments at once, and gives each difference its
# reason.
