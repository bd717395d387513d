// EndFd: a descriptor that leads to another process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "multiprocessing/detail/export.hpp"

namespace multiprocessing::detail {

[[noreturn]] MULTIPROCESSING_API void throw_closed();

/// One end of a pipe or socket. Every process that has a copy keeps end-of-file from the other
/// side, so a child made by Process has a copy of the ends among its arguments alone; a child of a
/// raw fork has all, as the system has it.
///
/// Any thread may use and close it. A number is not given back to the system while a call is using
/// it, so that the call never reads from what was opened under that number since.
class MULTIPROCESSING_API EndFd {
 public:
  /// Takes `fd` into care, with the gate held since before it was opened: no fork in between keeps
  /// a copy that no list has.
  explicit EndFd(UniqueFd fd);
  ~EndFd();
  EndFd(const EndFd&) = delete;
  EndFd& operator=(const EndFd&) = delete;

  /// Closed for all calls to come; the descriptor itself when the last call that uses it returns.
  /// A call that uses it may do so again meanwhile.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return (state_.load() & closed_bit) != 0; }

  /// The descriptor for the length of one call.
  class MULTIPROCESSING_API Use {
   public:
    explicit Use(EndFd& end) noexcept : end_(end.begin_use() ? &end : nullptr) {}
    ~Use() {
      if (end_ != nullptr) end_->end_use();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    /// -1 when it is closed.
    [[nodiscard]] int get() const noexcept { return end_ == nullptr ? -1 : end_->fd_.get(); }
    /// Throws OSError when it is closed.
    [[nodiscard]] int get_open() const;

   private:
    EndFd* end_;
  };

 private:
  friend class EndFds;

  static constexpr std::uint32_t closed_bit = 1;
  static constexpr std::uint32_t one_user = 2;

  [[nodiscard]] bool begin_use() noexcept;
  void end_use() noexcept;
  void give_back() noexcept;

  std::atomic<std::uint32_t> state_{0};
  UniqueFd fd_;
  EndFd* previous_ = nullptr;  // of the list of those that are open; guarded by the gate
  EndFd* next_ = nullptr;
};

/// The numbers of ends, for one call. Throws OSError when one was closed meanwhile.
class MULTIPROCESSING_API EndNumbers {
 public:
  explicit EndNumbers(std::span<const std::shared_ptr<EndFd>> ends);
  [[nodiscard]] std::span<const int> get() const { return numbers_; }

 private:
  std::vector<std::unique_ptr<EndFd::Use>> uses_;
  std::vector<int> numbers_;
};

/// What was made of an end that arrived, for the next value that asks for the same one.
class MULTIPROCESSING_API ReceivedEnd {
 public:
  ReceivedEnd() = default;
  ReceivedEnd(const ReceivedEnd&) = delete;
  virtual ~ReceivedEnd();
};

/// Descriptors that came with a birth or a message, in care. With the gate held since before they
/// came, or in a process that does not fork yet.
[[nodiscard]] MULTIPROCESSING_API std::vector<std::shared_ptr<EndFd>> take_into_care(
    std::vector<UniqueFd> fds);

/// All ends that this process has open.
class EndFds {
 public:
  [[nodiscard]] static bool any();

  /// In a child that was just forked: closes those that it was not given.
  static void close_but(std::span<const std::shared_ptr<EndFd>> given);

  /// In a forked child, with the gate held: calls that were using ends on other threads of the
  /// parent do not go on here.
  static void forget_users();

 private:
  friend class EndFd;
  static EndFd* open_;  // guarded by the gate
};

}  // namespace multiprocessing::detail
