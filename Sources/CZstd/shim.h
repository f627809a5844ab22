#pragma once
#include <zstd.h>
#include <zstd_errors.h>

/// How literals are coded, of which zstd.h says only that it is parameter 5 of the experimental ones.
static const ZSTD_cParameter WCTRACE_literalCompressionMode = ZSTD_c_experimentalParam5;
