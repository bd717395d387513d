#include "multiprocessing/process/context.hpp"

#include <mutex>
#include <stdexcept>

#include "base/spawning.hpp"
#include "multiprocessing/base/errors.hpp"
#include "process/fork_server_client.hpp"
#include "process/start_method.hpp"

namespace multiprocessing {

std::string Context::get_start_method() const { return std::string{name_of(method_)}; }

Context Context::get_context(std::string_view method) const {
  return multiprocessing::get_context(method);
}
ProcessHandle Context::current_process() const { return multiprocessing::current_process(); }
std::optional<ProcessHandle> Context::parent_process() const {
  return multiprocessing::parent_process();
}
std::vector<ProcessHandle> Context::active_children() const {
  return multiprocessing::active_children();
}

void Context::set_start_method(std::string_view, StartMethodOptions) const {
  throw ValueError("cannot set start method of concrete context");
}

Context get_context() { return Context{detail::start_method_of_program()}; }

Context get_context(std::string_view method) { return Context{detail::start_method_named(method)}; }

namespace {

void check_unset() {
  if (detail::chosen_start_method())
    throw std::runtime_error(
        "context has already been set: pass {.force = true} to change it all the same");
}

}  // namespace

void set_start_method(std::string_view method, StartMethodOptions options) {
  const auto wanted = detail::start_method_named(method);
  if (!options.force) check_unset();
  detail::choose_start_method(wanted);
}

void set_start_method(std::nullopt_t, StartMethodOptions options) {
  if (options.force) return detail::choose_start_method(std::nullopt);
  check_unset();
  (void)detail::start_method_of_program();
}

std::string get_start_method() { return std::string{name_of(detail::start_method_of_program())}; }

std::optional<std::string> get_start_method_if_set() {
  if (auto method = detail::chosen_start_method()) return std::string{name_of(*method)};
  return std::nullopt;
}

std::vector<std::string> get_all_start_methods() { return {"forkserver", "fork", "spawn"}; }

void set_forkserver_preload(void (*load)()) { detail::set_preload(load); }

void set_executable(std::string program) { detail::set_program(std::move(program)); }

}  // namespace multiprocessing
