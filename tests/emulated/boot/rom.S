# rom.S -- the only firmware of the emulated machine, 64 KiB below 4 GiB.
#
# Reset vector, 32-bit mode, long mode with four identity-mapped gigabytes, all vector state
# the CPU has switched on, then a jump to the image at 1 MiB.  Any exception prints
# "EXC vector error rip cr2" on port 0xe9 and ends the machine.
#
#     0x1000  page tables (PML4, PDPT)      0x80000  stack, growing down
        .section .text
        .code16
        .globl rom_base
rom_base:
start16:
        cli
        cld
        # CS base is 0xffff0000 until the first far jump; data segments are not.
        # lgdt needs a linear pointer: use a cs: override on the 6-byte operand.
        lgdtl   %cs:(gdtr - rom_base)
        movl    %cr0, %eax
        andl    $0x9fffffff, %eax       # CD=0 NW=0
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x08, $start32

        .code32
start32:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        # Bochs backs memory in blocks of 128 KiB in the order of their first touch, but
        # loads an image as if they lay in order: touch those of the image first.  Its
        # header: +0 a jump, +4 "BIMG", +8 its length in bytes.
        movl    $0x100000, %esi
        cmpl    $0x474d4942, 4(%esi)
        jne     2f
        movl    8(%esi), %ecx
        addl    %esi, %ecx
1:      movl    (%esi), %eax
        addl    $0x20000, %esi
        cmpl    %ecx, %esi
        jb      1b
2:      movl    $0x80000, %esp
        # page tables: PML4 at 0x1000, PDPT at 0x2000 with four 1 GiB pages.
        xorl    %eax, %eax
        movl    $0x1000, %edi
        movl    $(0x2000/4), %ecx
        rep stosl
        movl    $0x2003, 0x1000
        movl    $0x00000083, 0x2000
        movl    $0x40000083, 0x2008
        movl    $0x80000083, 0x2010
        movl    $0xc0000083, 0x2018
        movl    %cr4, %eax
        orl     $0x40620, %eax          # PAE | OSFXSR | OSXMMEXCPT | OSXSAVE
        movl    %eax, %cr4
        movl    $0x1000, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       # EFER.LME
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    %cr0, %eax
        andl    $0xfffffff3, %eax       # EM=0 TS=0
        orl     $0x80000022, %eax       # PG NE MP
        movl    %eax, %cr0
        ljmpl   $0x18, $start64

        .code64
start64:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movq    $0x80000, %rsp
        fninit
        # enable what CPUID.0D.0 offers of x87|SSE|AVX|opmask|ZMM_hi256|hi16_ZMM
        movl    $0xd, %eax
        xorl    %ecx, %ecx
        cpuid
        andl    $0x600e7, %eax         # + XTILECFG|XTILEDATA (AMX) where present
        xorl    %edx, %edx
        xorl    %ecx, %ecx
        xsetbv
        lidt    idtr(%rip)
        movl    $0x100000, %eax
        call    *%rax
        # returned: fall into shutdown
shutdown:
        movw    $0x8900, %dx
        leaq    sdmsg(%rip), %rsi
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, %dx
        jmp     1b
2:      hlt
        jmp     2b

        # one-size-fits-all exception handlers: print "EXC nn err rip cr2", shut down
        .altmacro
        .macro stub n
        .p2align 4
stub_\n:
        .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n==21)
        .else
        pushq $0
        .endif
        pushq $\n
        jmp exc_common
        .endm
        .p2align 4
stubs:
        .set i, 0
        .rept 32
        stub %i
        .set i, i+1
        .endr

exc_common:
        leaq    m_exc(%rip), %rsi
        call    puts
        movq    (%rsp), %rbx
        call    puthex
        movq    8(%rsp), %rbx
        call    puthex
        movq    16(%rsp), %rbx
        call    puthex
        movq    %cr2, %rbx
        call    puthex
        movb    $10, %al
        outb    %al, $0xe9
        jmp     shutdown
puts:
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, $0xe9
        jmp     1b
2:      ret
puthex:
        movb    $' ', %al
        outb    %al, $0xe9
        movl    $16, %ecx
1:      rolq    $4, %rbx
        movl    %ebx, %eax
        andl    $15, %eax
        leaq    hexd(%rip), %rdx
        movb    (%rdx,%rax), %al
        outb    %al, $0xe9
        loop    1b
        ret
hexd:   .ascii "0123456789abcdef"
m_exc:  .asciz "EXC vec/err/rip/cr2:"
sdmsg:  .asciz "Shutdown"

        .p2align 4
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        # 0x08 code32
        .quad 0x00cf93000000ffff        # 0x10 data
        .quad 0x00af9b000000ffff        # 0x18 code64
gdtr:   .word 31
        .long gdt
        .p2align 4
        # IDT in ROM, built statically: every gate needs a split 64-bit address.
idt:
        .set i, 0
        .rept 32
        .word (stubs - rom_base) + 16*i         # low 16 (ROM is 64 KiB at 0xffff0000)
        .word 0x18
        .word 0x8e00
        .word 0xffff
        .long 0
        .long 0
        .set i, i+1
        .endr
idtr:   .word 32*16-1
        .quad idt

        .section .reset, "ax"
        .code16
        .byte 0xe9                      # jmp near F000:0000 (ip FFF0+3+0x000d wraps)
        .word 0x000d
        .fill 13, 1, 0
