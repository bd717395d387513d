#include "process/start_method.hpp"

#include <array>
#include <cstdlib>
#include <mutex>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

constexpr std::array<std::string_view, 3> names{"forkserver", "fork", "spawn"};
constexpr const char* variable = "MULTIPROCESSING_START_METHOD";

std::optional<StartMethod> find(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<StartMethod>(i);
  return std::nullopt;
}

constinit std::optional<StartMethod> chosen;  // guarded by the gate

StartMethod wanted_by_environment() {
  const char* name = std::getenv(variable);
  if (name == nullptr || *name == '\0') return StartMethod::forkserver;
  if (auto method = find(name)) return *method;
  throw ValueError(std::string{variable} + "='" + name +
                   "' names no start method; there are 'fork', 'spawn' and 'forkserver'");
}

}  // namespace

StartMethod start_method_named(std::string_view name) {
  if (auto method = find(name)) return *method;
  throw ValueError("cannot find context for '" + std::string{name} +
                   "'; there are 'fork', 'spawn' and 'forkserver'");
}

std::string_view name_of(StartMethod method) { return names[static_cast<std::size_t>(method)]; }

std::optional<StartMethod> chosen_start_method() {
  std::scoped_lock guard{fork_gate()};
  return chosen;
}

void choose_start_method(std::optional<StartMethod> method) {
  std::scoped_lock guard{fork_gate()};
  chosen = method;
}

StartMethod start_method_of_program() {
  if (auto method = chosen_start_method()) return *method;
  StartMethod wanted = wanted_by_environment();
  std::scoped_lock guard{fork_gate()};
  if (!chosen) chosen = wanted;
  return *chosen;
}

}  // namespace multiprocessing::detail
