#include "support/asked.hpp"

#include <cstdlib>

#include "support/watchdog.hpp"

namespace test_support {

int asked(const char* name, int otherwise) {
  if (const char* text = std::getenv(name)) return std::atoi(text);
  return patience() < 10 ? otherwise : (otherwise + 4) / 5;
}

}  // namespace test_support
