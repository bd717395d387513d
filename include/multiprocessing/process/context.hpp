// Context: one start method, and what is made by it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "multiprocessing/base/cpu_count.hpp"
#include "multiprocessing/detail/context_objects.hpp"
#include "multiprocessing/detail/export.hpp"
#include "multiprocessing/process/process.hpp"

namespace multiprocessing {

class Pool;
class SyncManager;
struct PoolOptions;

class Context;
/// The context of the program's start method, which is chosen by this if it was not before.
[[nodiscard]] MULTIPROCESSING_API Context get_context();
/// The context of `method`. Throws `ValueError` for an unknown one.
[[nodiscard]] MULTIPROCESSING_API Context get_context(std::string_view method);

struct StartMethodOptions {
  /// Changes a choice that was made already.
  bool force = false;
};

/// One start method, after Python's context objects: `fork`, `spawn` or `forkserver`. Makes
/// processes, pools and managers by it, and leaves the program's choice alone. Locks, values,
/// queues and pipes belong to no method; a context makes them as well, so that a port reads as it
/// did.
///
///     auto ctx = mp::get_context("spawn");
///     auto lock = ctx.Lock();
///     auto child = ctx.Process(work, lock, 3);
class MULTIPROCESSING_API Context : public detail::ContextObjects {
 public:
  [[nodiscard]] std::string get_start_method() const;

  template <detail::TargetLike F, class... A>
  [[nodiscard]] multiprocessing::Process Process(F&& target, A&&... args) const {
    return make({}, detail::make_target(std::forward<F>(target), std::forward<A>(args)...));
  }
  template <class F, class... A>
  [[nodiscard]] multiprocessing::Process Process(ProcessOptions options, F&& target,
                                                 A&&... args) const {
    return make(std::move(options),
                detail::make_target(std::forward<F>(target), std::forward<A>(args)...));
  }
  template <class... P, class... A>
  [[nodiscard]] multiprocessing::Process Process(void (*target)(P...), A&&... args) const {
    return make({}, detail::make_target(target, std::forward<A>(args)...));
  }
  template <class... P, class... A>
  [[nodiscard]] multiprocessing::Process Process(ProcessOptions options, void (*target)(P...),
                                                 A&&... args) const {
    return make(std::move(options), detail::make_target(target, std::forward<A>(args)...));
  }

  // These names point to higher floors; <multiprocessing/pool.hpp> and
  // <multiprocessing/managers.hpp> define them, and without those a call does not compile.
  template <class... A>
  [[nodiscard]] multiprocessing::Pool Pool(int processes, A&&... init) const;
  template <class... A>
  [[nodiscard]] multiprocessing::Pool Pool(PoolOptions options, A&&... init) const;
  template <class... A>
  [[nodiscard]] multiprocessing::SyncManager Manager(A&&... args) const;

  // Python's contexts carry the functions of the package; these are the same as those.
  [[nodiscard]] Context get_context() const { return *this; }
  [[nodiscard]] Context get_context(std::string_view method) const;
  [[nodiscard]] ProcessHandle current_process() const;
  [[nodiscard]] std::optional<ProcessHandle> parent_process() const;
  [[nodiscard]] std::vector<ProcessHandle> active_children() const;
  [[nodiscard]] int cpu_count() const { return multiprocessing::cpu_count(); }

  /// Always throws `ValueError`: a context is one method for ever.
  [[noreturn]] void set_start_method(std::string_view method,
                                     StartMethodOptions options = {}) const;

  friend bool operator==(const Context&, const Context&) = default;

 private:
  friend Context multiprocessing::get_context();
  friend Context multiprocessing::get_context(std::string_view method);
  explicit Context(detail::StartMethod method) : method_(method) {}

  [[nodiscard]] multiprocessing::Process make(ProcessOptions options,
                                              std::unique_ptr<detail::Target> target) const {
    return {detail::ProcessKind{.method = method_}, std::move(options), std::move(target)};
  }

  detail::StartMethod method_;
};

/// Chooses how the program makes processes: "fork", "spawn" or "forkserver". Throws `ValueError`
/// for an unknown one, `std::runtime_error` when the choice was made already.
MULTIPROCESSING_API void set_start_method(std::string_view method, StartMethodOptions options = {});

/// Chooses the default; with `.force` undoes the choice instead, as Python's `None`.
MULTIPROCESSING_API void set_start_method(std::nullopt_t, StartMethodOptions options = {});

/// The program's start method. If it was not chosen before, it is now: as the environment variable
/// MULTIPROCESSING_START_METHOD says, else "forkserver". Throws `ValueError` when that names none.
[[nodiscard]] MULTIPROCESSING_API std::string get_start_method();

/// The same, but none instead of a choice; Python's `get_start_method(allow_none=True)`.
[[nodiscard]] MULTIPROCESSING_API std::optional<std::string> get_start_method_if_set();

/// What can be chosen; the default is the first.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::string> get_all_start_methods();

/// Has the fork server call `load` once, before it makes its first child: what it loads is shared
/// copy-on-write by all of them. An exception from it is reported on standard error. Takes effect
/// for a server that is started after it.
MULTIPROCESSING_API void set_forkserver_preload(void (*load)());

/// Which program `spawn` and the fork server execute; the default, and an empty text, is this one.
MULTIPROCESSING_API void set_executable(std::string program);

}  // namespace multiprocessing
