/* archive.c -- the System V archive: an index of symbols, a table of long names, members.
 *
 *     "!<arch>\n"
 *     "/"   big-endian 32-bit: how many symbols, for each the offset of its member's header;
 *           then their names, each ending in NUL
 *     "//"  names, each ending in "/\n"; a member called "/17" has the one at offset 17
 *     members, each at an even offset behind a header of 60 characters */
#include "archive.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "qforge/memory.h"

enum { HEADER = 60, MAGIC = 8 };

/* A growing text, or only its length when there is no room yet. */
typedef struct sink {
    uint8_t *at; /* NULL while measuring */
    size_t used;
} sink;

static void put(sink *s, const void *bytes, size_t size)
{
    if (s->at) memcpy(s->at + s->used, bytes, size);
    s->used += size;
}

static void put_number(sink *s, size_t value)
{
    const uint8_t big[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                           (uint8_t)(value >> 8), (uint8_t)value};
    put(s, big, sizeof big);
}

static void put_header(sink *s, const char *name, size_t size)
{
    char text[2 * HEADER]; /* the size is what fits 32 bits */
    snprintf(text, sizeof text, "%-16.16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 0, 0, 0, "100644",
             size);
    put(s, text, HEADER);
}

static void put_padding(sink *s)
{
    if (s->used % 2) put(s, "\n", 1);
}

/* ---- the symbols of an object ------------------------------------------------------------ */

typedef void visit_symbol(void *context, const char *name);

typedef struct object {
    const qf_member *member;
    Elf64_Ehdr header;
} object;

/* NULL when [offset, offset + size) is not within the file. */
static const uint8_t *part(const object *o, uint64_t offset, uint64_t size)
{
    const uint64_t all = o->member->size;
    return offset <= all && size <= all - offset ? o->member->bytes + offset : NULL;
}

static bool read_section(const object *o, uint64_t index, Elf64_Shdr *section)
{
    const uint64_t size = sizeof *section;
    const uint8_t *at = index < o->header.e_shnum && o->header.e_shentsize == size
                            ? part(o, o->header.e_shoff + index * size, size)
                            : NULL;
    if (at) memcpy(section, at, sizeof *section);
    return at;
}

/* What other objects may refer to and this one holds. */
static bool is_defined(const Elf64_Sym *symbol)
{
    const int binding = ELF64_ST_BIND(symbol->st_info);
    return (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) &&
           symbol->st_shndx != SHN_UNDEF;
}

static bool visit_table(const object *o, const Elf64_Shdr *table, visit_symbol *visit,
                        void *context)
{
    Elf64_Shdr names;
    if (!read_section(o, table->sh_link, &names)) return false;
    const uint8_t *symbols = part(o, table->sh_offset, table->sh_size);
    const uint8_t *strings = part(o, names.sh_offset, names.sh_size);

    if (!symbols || !strings || !names.sh_size || strings[names.sh_size - 1]) return false;
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, symbols + i * sizeof symbol, sizeof symbol);
        if (!is_defined(&symbol)) continue;
        if (symbol.st_name >= names.sh_size) return false;
        visit(context, (const char *)strings + symbol.st_name);
    }
    return true;
}

static bool visit_object(const qf_member *member, visit_symbol *visit, void *context)
{
    static const uint8_t magic[] = {ELFMAG0, ELFMAG1,    ELFMAG2,
                                    ELFMAG3, ELFCLASS64, ELFDATA2LSB};
    object o = {.member = member};

    if (member->size < sizeof o.header) return false;
    memcpy(&o.header, member->bytes, sizeof o.header);
    if (memcmp(o.header.e_ident, magic, sizeof magic) != 0 || o.header.e_type != ET_REL)
        return false;
    for (unsigned i = 0; i < o.header.e_shnum; i++) {
        Elf64_Shdr section;
        if (!read_section(&o, i, &section)) return false;
        if (section.sh_type == SHT_SYMTAB && !visit_table(&o, &section, visit, context))
            return false;
    }
    return true;
}

/* ---- the archive ------------------------------------------------------------------------- */

typedef struct layout {
    const qf_member *members;
    int count;
    size_t symbols, letters; /* of all members: how many, bytes of their names */
    size_t names;            /* bytes of the table of long names */
    size_t first;            /* offset of the first member's header */
} layout;

static void count_symbol(void *context, const char *name)
{
    layout *l = context;
    l->symbols++;
    l->letters += strlen(name) + 1;
}

/* Whether a name fits its header with the slash that ends it. */
static bool is_short(const char *name)
{
    return strlen(name) < 16;
}

static qf_status measure(layout *l)
{
    for (int i = 0; i < l->count; i++) {
        if (!visit_object(&l->members[i], count_symbol, l))
            return qf_fail(QF_FORMAT, "%s: no object file of 64-bit little-endian ELF",
                           l->members[i].name);
        if (!is_short(l->members[i].name)) l->names += strlen(l->members[i].name) + 2;
    }
    const size_t index = 4 + 4 * l->symbols + l->letters;
    l->first = MAGIC + HEADER + index + index % 2;
    if (l->names) l->first += HEADER + l->names + l->names % 2;
    return QF_OK;
}

typedef struct indexing {
    sink *out;
    size_t member; /* offset of its header */
    bool names;    /* the second pass */
} indexing;

static void index_symbol(void *context, const char *name)
{
    const indexing *pass = context;
    if (pass->names)
        put(pass->out, name, strlen(name) + 1);
    else
        put_number(pass->out, pass->member);
}

static void put_index(sink *s, const layout *l)
{
    put_header(s, "/", 4 + 4 * l->symbols + l->letters);
    put_number(s, l->symbols);
    for (int names = 0; names < 2; names++) {
        indexing pass = {s, l->first, names};
        for (int i = 0; i < l->count; i++) {
            visit_object(&l->members[i], index_symbol, &pass);
            pass.member += HEADER + l->members[i].size + l->members[i].size % 2;
        }
    }
    put_padding(s);
}

static void put_names(sink *s, const layout *l)
{
    if (!l->names) return;
    put_header(s, "//", l->names);
    for (int i = 0; i < l->count; i++) {
        if (is_short(l->members[i].name)) continue;
        put(s, l->members[i].name, strlen(l->members[i].name));
        put(s, "/\n", 2);
    }
    put_padding(s);
}

static void put_members(sink *s, const layout *l)
{
    size_t place = 0; /* in the table of long names */

    for (int i = 0; i < l->count; i++) {
        const qf_member *member = &l->members[i];
        char name[32];
        if (is_short(member->name)) {
            snprintf(name, sizeof name, "%s/", member->name);
        } else {
            snprintf(name, sizeof name, "/%zu", place);
            place += strlen(member->name) + 2;
        }
        put_header(s, name, member->size);
        put(s, member->bytes, member->size);
        put_padding(s);
    }
}

static void put_all(sink *s, const layout *l)
{
    put(s, "!<arch>\n", MAGIC);
    put_index(s, l);
    put_names(s, l);
    QF_ASSERT(s->used == l->first);
    put_members(s, l);
}

qf_status qf_archive_make(const qf_member *members, int count, uint8_t **bytes, size_t *size)
{
    layout l = {.members = members, .count = count};
    sink s = {0};

    QF_TRY(measure(&l));
    put_all(&s, &l);
    if (s.used > UINT32_MAX)
        return qf_fail(QF_RANGE, "an archive of %zu bytes is too large for its index", s.used);
    *size = s.used;
    s = (sink){.at = qf_alloc(*size)};
    *bytes = s.at;
    if (!s.at) return QF_MEMORY;
    put_all(&s, &l);
    return QF_OK;
}
