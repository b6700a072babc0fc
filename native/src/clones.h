// Hot loops are compiled for several instruction sets and picked when the library loads. All variants do the same
// arithmetic in the same order (the build forbids contracted multiply-adds), so they agree to the last bit.
#pragma once

#if defined(__linux__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MRT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
/// For what such a loop calls: it is to be compiled with it.
#define MRT_WITHIN inline __attribute__((always_inline))
#else
#define MRT_CLONES
#define MRT_WITHIN inline
#endif
