/* The wheels of bochscpu-python 0.4.0 want two functions of glibc 2.38. Older ones (Debian 12 has 2.36) do the same
   work under the old names; the new names differ in accepting binary numbers ("0b1"). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }

int __isoc23_sscanf(const char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsscanf(text, format, arguments);
    va_end(arguments);
    return n;
}
