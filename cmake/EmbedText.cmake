# cmake -DINPUT=f.sql -DOUTPUT=f.c -DSYMBOL=name -P EmbedText.cmake
# Writes a C file with one string constant holding the text of INPUT.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "/* Made from ${name}. */
extern const char ${SYMBOL}[];
const char ${SYMBOL}[] = {
    ${bytes}0x00};
")
