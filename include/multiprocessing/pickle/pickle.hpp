// dumps and loads: values to Python's pickle format and back.
#pragma once

#include <cstddef>
#include <string_view>

#include "multiprocessing/base/bytes.hpp"
#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/pickle/object.hpp"

namespace multiprocessing {

/// What `loads` accepts at most. A value counts as often as the message refers to it, so that a
/// short message cannot stand for endless data.
struct PickleOptions {
  std::size_t max_bytes = std::size_t{256} << 20;  ///< of the message, and of all text in the value
  std::size_t max_values = 10'000'000;
  int max_depth = 1000;              ///< of values nested in values; not more than 1000
  std::size_t max_int_bytes = 4096;  ///< of one int
};

/// The value in Python's pickle format, protocol 4, which every Python since 3.4 reads. Shared
/// contents are written as often as they occur. Throws `SerializationError` for what Python could
/// not read.
[[nodiscard]] MULTIPROCESSING_API Bytes dumps(const Object& value);

/// Reads what Python's `pickle.dumps` gives, protocols 0 to 5. Bytes behind the value are ignored,
/// as in Python.
///
/// Nothing is executed and nothing imported: a pickle that names anything but the classes on the
/// module's page is refused by that name. Safe on hostile input. Throws `SerializationError` that
/// says what is wrong and at which byte: not a pickle, cut off, beyond a limit, or a value that
/// contains itself.
[[nodiscard]] MULTIPROCESSING_API Object loads(std::string_view pickled,
                                               PickleOptions options = {});

}  // namespace multiprocessing
