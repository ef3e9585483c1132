# cmake -DINPUT=f.sql -DOUTPUT=f.c -DSYMBOL=name -P EmbedText.cmake
# Writes a C file with one string constant holding the text of INPUT, or of several files
# (a|b), one behind the other.
string(REPLACE "|" ";" inputs "${INPUT}")
set(bytes "")
set(names "")
foreach(input IN LISTS inputs)
  file(READ ${input} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," part "${hex}")
  string(APPEND bytes "${part}")
  get_filename_component(name ${input} NAME)
  string(APPEND names " ${name}")
endforeach()
file(WRITE ${OUTPUT} "/* Made from${names}. */
extern const char ${SYMBOL}[];
const char ${SYMBOL}[] = {
    ${bytes}0x00};
")
