"""Keep pytest from importing a script that writes files when it is imported."""

collect_ignore = ["gen_traces.py"]  # copied unchanged, see ORIGIN.md
