/* byte_level.c -- the alphabet of byte-level BPE (Radford et al. 2019). */
#include "byte_level.h"

#include <stdbool.h>

enum { SHIFTED = 0x100, CHARACTERS = SHIFTED + 68 };

static bool printable(int byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

int qf_byte_level_character(uint8_t byte)
{
    int shifted = SHIFTED;
    if (printable(byte)) return byte;
    for (int b = 0; b < byte; b++) shifted += !printable(b);
    return shifted;
}

static int byte_of(int character)
{
    if (character < SHIFTED) return printable(character) ? character : -1;
    if (character >= CHARACTERS) return -1;
    int left = character - SHIFTED;
    for (int b = 0; b < SHIFTED; b++)
        if (!printable(b) && left-- == 0) return b;
    return -1;
}

ptrdiff_t qf_byte_level_decode(const char *text, size_t length, char *bytes)
{
    ptrdiff_t count = 0;

    for (size_t at = 0; at < length;) {
        int character = (unsigned char)text[at++];
        if (character >= 0xC0 && character < 0xE0 && at < length)
            character = (character & 0x1F) << 6 | (text[at++] & 0x3F);
        const int byte = byte_of(character);
        if (byte < 0) return -1;
        bytes[count++] = (char)byte;
    }
    return count;
}
