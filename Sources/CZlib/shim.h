#pragma once
#include <string.h>
#include <zlib.h>

// A stream of bare deflate data, as zip archives hold it: no head, no checksum of its own.
static inline int wct_inflate_start(z_stream *stream) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, -15);
}
