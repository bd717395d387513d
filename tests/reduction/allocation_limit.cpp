// No test here needs a large block: whatever asks for one believed a length that it had read.
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {
constexpr std::size_t largest = std::size_t{64} << 20;
}

void* operator new(std::size_t size) {
  if (size > largest) {
    std::fprintf(stderr, "an allocation of %zu bytes\n", size);
    std::abort();
  }
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
