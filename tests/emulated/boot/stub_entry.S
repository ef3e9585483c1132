# stub_entry.S -- where the image begins, and where the program's system calls arrive.
#
# Program and stub share ring 0 and one address space; the stub has a stack of its own.
        .section .entry,"ax"
        .globl _start, system_entry, enter_user
_start: jmp 1f
        .org 4
        .ascii "BIMG"
        .long 0                         # length of the image, written by place
        .long 0
1:      cld
        leaq __bss_start(%rip),%rdi
        leaq __bss_end(%rip),%rcx
        subq %rdi,%rcx
        xorl %eax,%eax
        rep stosb
        jmp stub_main
        .p2align 4
system_entry:
        movq %rsp, user_rsp(%rip)
        leaq kstack_top(%rip), %rsp
        pushq %r11
        pushq %rcx
        pushq %r9
        pushq %r8
        pushq %r10
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rax
        subq $8, %rsp
        cld
        leaq 8(%rsp), %rdi
        call system_call
        addq $16, %rsp                  # drop pad and saved rax
        popq %rdi
        popq %rsi
        popq %rdx
        popq %r10
        popq %r8
        popq %r9
        popq %rcx
        popfq
        movq user_rsp(%rip), %rsp
        jmp *%rcx
enter_user:                             # (entry, stack pointer)
        movq %rsi, %rsp
        movq %rdi, %rcx
        xorl %edx, %edx
        xorl %ebp, %ebp
        jmp *%rcx
        .bss
        .p2align 6
        .skip 65536
kstack_top:
user_rsp: .skip 8
        .section .note.GNU-stack,"",@progbits
