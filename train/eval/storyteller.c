/* storyteller.c -- facts, sentences about them, questions about them. */
#include "qforge/hash.h"
#include "qforge/storyteller.h"

#include <stdbool.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/random.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const girls[] = {"Lily", "Anna", "Mia", "Sara", "Emma"};
static const char *const boys[] = {"Tom", "Ben", "Max", "Sam", "Leo"};
static const char *const colours[] = {"red", "blue", "green", "yellow", "white", "black"};
static const char *const objects[] = {"ball", "kite", "book", "hat", "boat", "cup"};
static const char *const places[] = {"park", "beach", "garden", "forest", "market", "farm"};
static const char *const counts[] = {"two", "three", "four", "five", "six"};
static const char *const animals[] = {"birds", "ducks", "frogs", "cats", "dogs"};
static const char *const hidings[] = {"tree", "bench", "rock", "bush", "box", "bridge"};

/* What a story says. */
typedef struct facts {
    const char *hero, *friend;
    const char *thing, *colour;
    const char *place, *count, *animal, *hiding;
    const char *she, *girl; /* of the hero */
} facts;

static const char *pick(qf_random *random, const char *const *list, int count)
{
    return list[qf_random_below(random, (uint32_t)count)];
}

static const char *pick_name(qf_random *random, bool girl)
{
    return girl ? pick(random, girls, COUNT(girls)) : pick(random, boys, COUNT(boys));
}

static facts imagine(qf_random *random)
{
    facts f;
    const bool girl = qf_random_below(random, 2);
    f.hero = pick_name(random, girl);
    do f.friend = pick_name(random, qf_random_below(random, 2));
    while (f.friend == f.hero);
    f.she = girl ? "She" : "He";
    f.girl = girl ? "girl" : "boy";
    f.thing = pick(random, objects, COUNT(objects));
    f.colour = pick(random, colours, COUNT(colours));
    f.place = pick(random, places, COUNT(places));
    f.count = pick(random, counts, COUNT(counts));
    f.animal = pick(random, animals, COUNT(animals));
    f.hiding = pick(random, hidings, COUNT(hidings));
    return f;
}

/* Sixteen classes of facts: one each for test, search and calibration, the rest trains. */
static qf_split split_of(const facts *f)
{
    const char *const fact[] = {f->hero,  f->friend, f->thing,  f->colour,
                                f->place, f->count,  f->animal, f->hiding};
    uint64_t hash = QF_HASH_START;
    for (int i = 0; i < COUNT(fact); i++) hash = qf_hash(hash, fact[i], strlen(fact[i]));
    const unsigned class = (unsigned)(hash >> 32) % 16;
    return class < 3 ? (qf_split)(QF_SPLIT_CALIBRATION + class) : QF_SPLIT_TRAIN;
}

/* ---- sentences ---- */

/* Letters stand for facts: see expand. */
static const char *const openings[] = {
    "There was a little $g named $H.",
    "$H was a little $g.",
};
static const char *const possessions[] = {
    "$H had a $c $t.",
    "Mom gave $H a $c $t.",
};
static const char *const friendships[] = {
    "$F was a friend of $H.",
    "$H had a friend named $F.",
};
static const char *const trips[] = {
    "One day $H and $F went to the $p. They ran to the $p.",
    "$H and $F walked to the $p. It was not far to the $p.",
};
static const char *const sights[] = {
    "They saw $n $a. $F saw $n $a first.",
    "They saw $n $a. The dad of $H saw $n $a too.",
};
static const char *const losses[] = {
    "Then the $t was under the $u. $F looked under the $u.",
    "Then $H lost the $t. It was under the $u, so $F looked under the $u.",
};
static const char *const endings[] = {
    "$H and $F played with the $c $t.",
    "$H and $F went home with the $c $t.",
};

static const char *value_of(const facts *f, char letter)
{
    switch (letter) {
    case 'H':
        return f->hero;
    case 'F':
        return f->friend;
    case 't':
        return f->thing;
    case 'c':
        return f->colour;
    case 'p':
        return f->place;
    case 'n':
        return f->count;
    case 'a':
        return f->animal;
    case 'u':
        return f->hiding;
    case 'S':
        return f->she;
    case 'g':
        return f->girl;
    }
    qf_assert_failed("a letter without a fact", __FILE__, __LINE__);
}

static void expand(const char *template, const facts *f, char *text, size_t size)
{
    size_t used = strlen(text);
    for (const char *c = template; *c; c++) {
        char letter[2] = {*c, 0};
        const char *piece = *c == '$' ? value_of(f, *++c) : letter;
        const size_t length = strlen(piece);
        QF_ASSERT(used + length < size);
        memcpy(text + used, piece, length + 1);
        used += length;
    }
}

static void tell(qf_random *random, const facts *f, char text[QF_STORY_TEXT])
{
    const struct {
        const char *const *list;
        int count;
    } parts[] = {
        {openings, COUNT(openings)},       {possessions, COUNT(possessions)},
        {friendships, COUNT(friendships)}, {trips, COUNT(trips)},
        {sights, COUNT(sights)},           {losses, COUNT(losses)},
        {endings, COUNT(endings)},
    };
    text[0] = 0;
    for (int p = 0; p < COUNT(parts); p++) {
        if (p) expand(" ", f, text, QF_STORY_TEXT);
        expand(pick(random, parts[p].list, parts[p].count), f, text, QF_STORY_TEXT);
    }
}

/* ---- questions ---- */

/* The right answer among three wrong ones; `near` (may be NULL) is one of the wrong ones:
 * the same kind of fact about somebody else. */
static void offer(qf_random *random, const char *const *list, int count, const char *right,
                  const char *near, qf_question *question)
{
    const char *chosen[QF_STORY_CHOICES] = {right, near};
    int filled = near ? 2 : 1;
    while (filled < QF_STORY_CHOICES) {
        const char *word = pick(random, list, count);
        bool taken = false;
        for (int i = 0; i < filled; i++) taken |= chosen[i] == word;
        if (!taken) chosen[filled++] = word;
    }
    for (int i = QF_STORY_CHOICES - 1; i >= 0; i--) {
        const int j = (int)qf_random_below(random, (uint32_t)i + 1);
        question->choice[i] = chosen[j];
        if (chosen[j] == right) question->answer = i;
        chosen[j] = chosen[i];
    }
}

static qf_question *ask(qf_question *question, const facts *f, const char *kind,
                        const char *template, const char *lead)
{
    question->kind = kind;
    question->text[0] = question->lead[0] = 0;
    expand(template, f, question->text, sizeof question->text);
    expand(lead, f, question->lead, sizeof question->lead);
    return question;
}

static void ask_all(qf_random *random, const facts *f, qf_question *q)
{
    const char *names[COUNT(girls) + COUNT(boys)];
    memcpy(names, girls, sizeof girls);
    memcpy(names + COUNT(girls), boys, sizeof boys);

    offer(random, colours, COUNT(colours), f->colour, NULL,
          ask(q++, f, "colour", "What colour was the $t?", ""));
    offer(random, places, COUNT(places), f->place, NULL,
          ask(q++, f, "place", "Where did $H and $F go?", "to the"));
    offer(random, counts, COUNT(counts), f->count, NULL,
          ask(q++, f, "count", "How many $a were there?", "they saw"));
    offer(random, names, COUNT(names), f->friend, f->hero,
          ask(q++, f, "name", "Who went with $H?", ""));
    offer(random, objects, COUNT(objects), f->thing, NULL,
          ask(q++, f, "object", "What did $H have?", "a $c"));
    offer(random, hidings, COUNT(hidings), f->hiding, NULL,
          ask(q++, f, "hiding", "Where was the $t?", "under the"));
}

const char *qf_split_name(qf_split split)
{
    static const char *const name[QF_SPLITS] = {"train", "calibration", "search", "test"};
    return name[split];
}

void qf_story_tell(uint64_t seed, qf_split split, uint64_t index, qf_story *story)
{
    qf_random random = qf_random_init(seed, (uint64_t)split << 48 | index);
    facts f;
    do f = imagine(&random);
    while (split_of(&f) != split);
    memset(story, 0, sizeof *story);
    tell(&random, &f, story->text);
    ask_all(&random, &f, story->question);
}
