// ZSTD_CONTENTSIZE_* are casts in macros, which Swift does not import.
#pragma once
#include <zstd.h>
#include <zstd_errors.h>

static inline unsigned long long wct_zstd_size_unknown(void) { return ZSTD_CONTENTSIZE_UNKNOWN; }
static inline unsigned long long wct_zstd_size_error(void) { return ZSTD_CONTENTSIZE_ERROR; }
