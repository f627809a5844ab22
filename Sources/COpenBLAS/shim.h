// OpenBLAS: the C BLAS interface and the thread controls.
#pragma once
#include <cblas.h>
