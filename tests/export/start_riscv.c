/* The start of a RISC-V program under qemu-riscv64, which loads all sections: the C library's own start is for a
 * bare machine, and uses registers that a user's program may not. */
#include <string.h>

void _Exit(int status);
int main(void);
void begin(void);

extern char __bss_start[], __bss_end[];

void begin(void)
{
    memset(__bss_start, 0, (size_t)(__bss_end - __bss_start));
    _Exit(main());
}

__asm__(".globl _start\n_start:\n.option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
        "la tp, __tls_base\ncall begin\n");
