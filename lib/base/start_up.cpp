#include "base/start_up.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/close_on_exec.hpp"
#include "base/os_error.hpp"
#include "base/reaper.hpp"

namespace multiprocessing::detail {
namespace {

// Written once, by remember_start() below, before anything else of ours or the user's runs.
struct StartUp {
  const char* argv0 = "";
  char** arguments = nullptr;  // of the program, which a child has after its mark
  int argument_count = 0;
  Mark mark;
  char path[PATH_MAX] = "";  // AT_EXECFN, absolute
  bool by_loader = false;
  int program_fd = -1;
  dev_t program_device = 0;  // to recognise the descriptor when the program closed and reused it
  ino_t program_inode = 0;
};
constinit StartUp start_up;

// Under `ld.so ./prog` the kernel sees no interpreter, although the program names one.
bool started_by_loader() {
  if (::getauxval(AT_BASE) != 0) return false;
  bool names_interpreter = false;
  ::dl_iterate_phdr(
      [](dl_phdr_info* program, std::size_t, void* found) {
        for (int i = 0; i < program->dlpi_phnum; ++i)
          if (program->dlpi_phdr[i].p_type == PT_INTERP) *static_cast<bool*>(found) = true;
        return 1;  // the first is the program itself
      },
      &names_interpreter);
  return names_interpreter;
}

void remember_path() {
  const auto* given = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  // A program executed through a descriptor, as our children are, has no path but this one, which
  // by now is that of another file or of none.
  if (given == nullptr || std::strncmp(given, "/dev/fd/", 8) == 0) return;
  char* const path = start_up.path;
  std::size_t used = 0;
  if (given[0] != '/') {
    if (::getcwd(path, PATH_MAX - 1) == nullptr) path[0] = '\0';
    used = std::strlen(path);
    path[used++] = '/';
  }
  // Cut off, a path would be that of another file.
  if (used + std::strlen(given) >= PATH_MAX) used = 0, given = "";
  std::strcpy(path + used, given);
}

UniqueFd open_own_program() {
  const char* path = start_up.by_loader ? start_up.path : "/proc/self/exe";
  UniqueFd program{::open(path, O_PATH | O_CLOEXEC)};
  if (!program) program.reset(::open(start_up.path, O_PATH | O_CLOEXEC));
  return program;
}

void remember_program() {
  const UniqueFd low = open_own_program();
  struct stat status {};
  if (!low || ::fstat(low.get(), &status) != 0) return;
  // Out of the way of programs that expect 0, 1, 2 or small numbers when these are free.
  start_up.program_fd = ::fcntl(low.get(), F_DUPFD_CLOEXEC, 10);
  start_up.program_device = status.st_dev;
  start_up.program_inode = status.st_ino;
}

Mark read_mark(const char* text) {
  const std::size_t length = std::strlen(child_mark);
  if (std::strncmp(text, child_mark, length) != 0) return {};
  const char* digits = text + length;
  char* end = nullptr;
  errno = 0;
  const long number = std::strtol(digits, &end, 10);
  const bool sane =
      *digits >= '0' && *digits <= '9' && *end == '\0' && errno == 0 && number <= INT_MAX;
  if (!sane || ::fcntl(static_cast<int>(number), F_GETFD) < 0)
    return {.kind = Mark::unusable, .text = text};
  return {.kind = Mark::child, .birth_fd = static_cast<int>(number), .text = text};
}

// execveat(2) names the process after the number of the descriptor.
void name_after(const char* path) {
  const char* slash = std::strrchr(path, '/');
  ::prctl(PR_SET_NAME, slash == nullptr ? path : slash + 1);
}

// Copies, because programs write over their argv to show another title.
void remember_arguments(int argc, char** argv) {
  const int first = start_up.mark.kind == Mark::child ? 2 : 1;
  if (argc <= first) return;
  start_up.arguments =
      static_cast<char**>(::calloc(static_cast<std::size_t>(argc - first), sizeof(char*)));
  if (start_up.arguments == nullptr) return;
  for (int i = first; i < argc; ++i)
    if (char* const copy = ::strdup(argv[i])) start_up.arguments[start_up.argument_count++] = copy;
}

// The C library hands argv to constructors, in libraries and plug-ins too. 101 is the first
// priority that is not reserved, so this runs before the user's static constructors.
__attribute__((constructor(101))) void remember_start(int argc, char** argv, char**) {
  if (argc > 1 && argv[1] != nullptr && std::strcmp(argv[1], reaper_mark) == 0) ::_exit(0);
  if (argc > 0 && argv[0] != nullptr) start_up.argv0 = ::strdup(argv[0]);
  if (argc > 1 && argv[1] != nullptr) start_up.mark = read_mark(argv[1]);
  if (start_up.mark.kind == Mark::child) {
    set_close_on_exec_from(3);
    name_after(start_up.argv0);
  }
  remember_arguments(argc, argv);
  start_up.by_loader = started_by_loader();
  remember_path();
  remember_program();
}

bool is_our_program(const struct stat& status) {
  return status.st_dev == start_up.program_device && status.st_ino == start_up.program_inode;
}

bool is_still_open() {
  struct stat status {};
  return start_up.program_fd >= 0 && ::fstat(start_up.program_fd, &status) == 0 &&
         is_our_program(status);
}

// Executed by descriptor, a program without /proc does not know its path, and so cannot execute
// itself in turn.
bool path_is_better() {
  struct stat status {};
  return ::access("/proc/self/exe", F_OK) != 0 && ::stat(start_up.path, &status) == 0 &&
         is_our_program(status);
}

}  // namespace

const char* own_argv0() noexcept { return start_up.argv0; }

std::span<char* const> own_arguments() noexcept {
  return {start_up.arguments, static_cast<std::size_t>(start_up.argument_count)};
}

const Mark& own_mark() noexcept { return start_up.mark; }

const char* own_program_path() noexcept {
  return start_up.path[0] == '\0' ? start_up.argv0 : start_up.path;
}

OwnProgram own_program() {
  if (path_is_better()) return {.fd = -1, .opened = {}, .path = start_up.path};
  if (is_still_open()) return {.fd = start_up.program_fd, .opened = {}, .path = nullptr};
  UniqueFd opened = open_own_program();
  if (!opened && start_up.path[0] == '\0')
    throw_os_error(ENOENT, "find this program without /proc; name it by set_executable()");
  if (!opened) throw_os_error("open", start_up.path);
  const int fd = opened.get();
  return {.fd = fd, .opened = std::move(opened), .path = nullptr};
}

}  // namespace multiprocessing::detail
