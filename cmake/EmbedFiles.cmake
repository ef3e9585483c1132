# cmake -DINPUTS=name=file|name=file -DOUTPUT=f.c -DSYMBOL=name -P EmbedFiles.cmake
# Writes a C file with a table of files (autotune/embedded.h), its last row zero.  An input
# without a name is called as its file is.
string(REPLACE "|" ";" inputs "${INPUTS}")
set(count 0)
set(rows "")
file(WRITE ${OUTPUT} "/* Made of files that bundles hold. */
#include \"autotune/embedded.h\"

")
foreach(input IN LISTS inputs)
  if(input MATCHES "^([^=]+)=(.+)$")
    set(name ${CMAKE_MATCH_1})
    set(path ${CMAKE_MATCH_2})
  else()
    get_filename_component(name ${input} NAME)
    set(path ${input})
  endif()
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  file(APPEND ${OUTPUT} "static const unsigned char file_${count}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${name}\", file_${count}, sizeof file_${count} - 1},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(APPEND ${OUTPUT} "
const qf_embedded ${SYMBOL}[] = {
${rows}    {0}};
")
