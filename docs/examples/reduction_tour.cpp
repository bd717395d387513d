// What can be sent: values, callables, exceptions.
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/reduction.hpp"

namespace mp = multiprocessing;

// [types]
struct Reading {  // an aggregate goes member by member, unasked
  int sensor;
  std::optional<double> value;
  std::vector<std::string> remarks;
};

class Model {  // anything else has `serialize`, in the form of Boost.Serialization
 public:
  explicit Model(double slope = 0) : slope_(slope) {}
  double predict(double x) const { return slope_ * x; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& slope_& history_;
  }

 private:
  double slope_;
  std::map<std::string, Reading> history_;
};

struct BadReading : std::runtime_error {  // arrives as BadReading, not as RemoteError
  using runtime_error::runtime_error;
};
static const bool registered = mp::register_exception<BadReading>();
// [/types]

template <class T>
T there_and_back(const T& value) {
  mp::detail::Writer writer;
  mp::detail::write(writer, value);
  mp::detail::Reader reader{writer.view()};
  return mp::detail::read<T>(reader);
}

int main() {
  // [callables]
  const auto predict = mp::partial(&Model::predict, Model{2.0});  // a member with its object
  const std::vector<mp::Function<double(double)>> steps{
      predict, [](double x) { return x + 1; },  // a lambda without captures
      mp::partial([](double offset, double x) { return x - offset; }, 0.5)};
  // [/callables]
  double x = 10;
  for (const auto& step : there_and_back(steps)) x = step(x);

  const Reading reading = there_and_back(Reading{7, 1.5, {"late"}});
  const auto error = there_and_back(std::make_exception_ptr(BadReading{"sensor 7 is silent"}));
  try {
    std::rethrow_exception(error);
  } catch (const BadReading& bad) {
    std::cout << x << ' ' << reading.sensor << ' ' << bad.what() << '\n'
              << mp::remote_traceback(bad);
  }
  return x == 20.5 && reading.remarks.size() == 1 ? 0 : 1;
}
