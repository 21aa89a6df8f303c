# cmake -DOUT=… -DOPENAPI=… -DPAGE=… -P embed.cmake: writes the table of embedded.h from openapi.json and the files of the page's
# directory. index.html is the page itself; the others are its assets. A file of a type that is not known stops the build.
set(types
  html "text/html; charset=utf-8" css "text/css; charset=utf-8" js "text/javascript; charset=utf-8"
  mjs "text/javascript; charset=utf-8" json "application/json" svg "image/svg+xml" png "image/png" ico "image/x-icon"
  woff2 "font/woff2" txt "text/plain; charset=utf-8" map "application/json")
set(bytes "")
set(table "")
set(count 0)

function(embed file path)
  string(REGEX MATCH "[^.]+$" ending "${file}")
  list(FIND types "${ending}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${file}: no Content-Type is known for .${ending} (embed.cmake)")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  file(READ "${file}" hex HEX)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 32 hash)
  string(LENGTH "${hex}" len)
  math(EXPR len "${len} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
  set(bytes "${bytes}static const unsigned char file_${count}[] = {${hex}0};\n" PARENT_SCOPE)
  set(table "${table}\t{\"${path}\", \"${type}\", \"\\\"${hash}\\\"\", file_${count}, ${len}},\n" PARENT_SCOPE)
  math(EXPR count "${count} + 1")
  set(count ${count} PARENT_SCOPE)
endfunction()

embed("${OPENAPI}" /api/v1/billing/openapi.json)
file(GLOB_RECURSE files RELATIVE "${PAGE}" "${PAGE}/*")
list(SORT files)
foreach(file ${files})
  if(file STREQUAL "index.html")
    embed("${PAGE}/${file}" /settings/billing)
  elseif(NOT file MATCHES "\\.md$")
    embed("${PAGE}/${file}" "/settings/billing/assets/${file}")
  endif()
endforeach()
file(WRITE "${OUT}" "/* written by embed.cmake */\n#include \"embedded.h\"\n\n${bytes}\n"
  "const struct embedded embedded_files[] = {\n${table}\t{0},\n};\n")
