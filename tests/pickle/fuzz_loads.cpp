// libFuzzer: any bytes are a value that can be printed, compared, written and read again, or a
// SerializationError.
#include <cstdint>
#include <cstdlib>

#include "multiprocessing/pickle.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace mp = multiprocessing;
  mp::Object value;
  try {
    value = mp::loads({reinterpret_cast<const char*>(data), size},
                      {.max_bytes = 1 << 20, .max_values = 10'000});
  } catch (const mp::SerializationError&) {
    return 0;
  }
  (void)str(value);
  const mp::Object again = mp::loads(mp::dumps(value));
  const bool same = repr(again) == repr(value) && (again <=> again) == 0;
  if (!same) std::abort();
  try {
    (void)value.as<std::exception_ptr>();
  } catch (const mp::SerializationError&) {
  }
  return 0;
}
