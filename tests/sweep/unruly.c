// LD_PRELOAD: calls that the kernel may cut short or interrupt are, at random (seed UNRULY_SEED,
// one in UNRULY_RATE). Short: read write send recv (sockets of streams, pipes; files too, and pread
// and pwrite, with UNRULY_FILES). EINTR: those, poll, ppoll, epoll_wait, sendmsg, recvmsg, waitpid,
// fcntl(F_SETLKW), openat, connect not. Futex waits (by syscall(2)): EINTR, EAGAIN, a wake for
// nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static unsigned rate;
static __thread unsigned long state;
static int chance(void) {
  if (!rate) {
    const char* r = getenv("UNRULY_RATE");
    rate = r ? atoi(r) : 3;
  }
  if (!state) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const char* s = getenv("UNRULY_SEED");
    state = (s ? strtoul(s, 0, 10) : (unsigned long)t.tv_nsec) * 2654435761ul +
            (unsigned long)gettid() * 40503ul + 1;
  }
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % rate == 0;
}
static unsigned pick(unsigned n) {
  chance();
  return n ? (state >> 8) % n : 0;
}
#define REAL(name)               \
  static __typeof__(name)* real; \
  if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, #name)
static int stream(int fd) {
  struct stat s;
  if (fstat(fd, &s)) return 0;
  if (S_ISREG(s.st_mode)) return getenv("UNRULY_FILES") != NULL;
  if (S_ISFIFO(s.st_mode)) return 1;
  if (!S_ISSOCK(s.st_mode)) return 0;
  int t = 0;
  socklen_t l = sizeof t;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &t, &l);
  return t == SOCK_STREAM;
}
static size_t cut(int fd, size_t n) {
  return n > 1 && chance() && stream(fd) ? 1 + pick(n - 1) : n;
}
static int blocks(int fd) {
  static int (*get)(int, int, ...);
  if (!get) get = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
  return !(get(fd, F_GETFL) & O_NONBLOCK);
}
#define INT        \
  if (chance()) {  \
    errno = EINTR; \
    return -1;     \
  }
ssize_t read(int fd, void* b, size_t n) {
  REAL(read);
  if (blocks(fd)) INT return real(fd, b, cut(fd, n));
}
ssize_t write(int fd, const void* b, size_t n) {
  REAL(write);
  if (blocks(fd)) INT return real(fd, b, cut(fd, n));
}
ssize_t pread(int fd, void* b, size_t n, off_t o) {
  REAL(pread);
  return real(fd, b, cut(fd, n), o);
}
ssize_t pwrite(int fd, const void* b, size_t n, off_t o) {
  REAL(pwrite);
  return real(fd, b, cut(fd, n), o);
}
ssize_t pread64(int fd, void* b, size_t n, off64_t o) {
  REAL(pread64);
  return real(fd, b, cut(fd, n), o);
}
ssize_t pwrite64(int fd, const void* b, size_t n, off64_t o) {
  REAL(pwrite64);
  return real(fd, b, cut(fd, n), o);
}
ssize_t send(int fd, const void* b, size_t n, int f) {
  REAL(send);
  if (!(f & MSG_DONTWAIT)) INT return real(fd, b, cut(fd, n), f);
}
ssize_t recv(int fd, void* b, size_t n, int f) {
  REAL(recv);
  if (!(f & MSG_DONTWAIT)) INT return real(fd, b, f & MSG_WAITALL ? n : cut(fd, n), f);
}
static int cut_message(int fd, const struct msghdr* m, struct msghdr* c,
                       struct iovec* v) {  // the first part alone, cut
  *c = *m;
  if (m->msg_iovlen == 0 || !stream(fd) || !chance()) return 0;
  *v = m->msg_iov[0];
  if (v->iov_len > 1) v->iov_len = 1 + pick(v->iov_len - 1);
  c->msg_iov = v;
  c->msg_iovlen = 1;
  return 1;
}
ssize_t sendmsg(int fd, const struct msghdr* m, int f) {
  REAL(sendmsg);
  if (!(f & MSG_DONTWAIT)) INT struct msghdr c;
  struct iovec v;
  cut_message(fd, m, &c, &v);
  return real(fd, &c, f);
}
ssize_t recvmsg(int fd, struct msghdr* m, int f) {
  REAL(recvmsg);
  if (!(f & MSG_DONTWAIT)) INT struct msghdr c;
  struct iovec v;
  cut_message(fd, m, &c, &v);
  ssize_t r = real(fd, &c, f);
  m->msg_flags = c.msg_flags;
  m->msg_controllen = c.msg_controllen;
  m->msg_namelen = c.msg_namelen;
  return r;
}
ssize_t writev(int fd, const struct iovec* v, int n) {
  REAL(writev);
  if (blocks(fd)) INT if (n > 0 && chance() && stream(fd)) return real(fd, v, 1);
  return real(fd, v, n);
}
ssize_t readv(int fd, const struct iovec* v, int n) {
  REAL(readv);
  if (blocks(fd)) INT if (n > 0 && chance() && stream(fd)) return real(fd, v, 1);
  return real(fd, v, n);
}
int poll(struct pollfd* p, nfds_t n, int t) {
  REAL(poll);
  if (t != 0) INT return real(p, n, t);
}
int ppoll(struct pollfd* p, nfds_t n, const struct timespec* t, const sigset_t* s) {
  REAL(ppoll);
  if (!t || t->tv_sec || t->tv_nsec) INT return real(p, n, t, s);
}
int epoll_wait(int e, struct epoll_event* v, int n, int t) {
  REAL(epoll_wait);
  if (t != 0) INT return real(e, v, n, t);
}
pid_t waitpid(pid_t p, int* s, int o) {
  REAL(waitpid);
  if (!(o & WNOHANG)) INT return real(p, s, o);
}
int accept4(int fd, struct sockaddr* a, socklen_t* l, int f) {
  REAL(accept4);
  if (blocks(fd)) INT return real(fd, a, l, f);
}
int nanosleep(const struct timespec* a, struct timespec* b) {
  REAL(nanosleep);
  if (chance()) {
    if (b) *b = *a;
    errno = EINTR;
    return -1;
  }
  return real(a, b);
}
long syscall(long n, ...) {
  va_list l;
  va_start(l, n);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(l, long);
  va_end(l);
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  if (n == SYS_futex && (a[1] & 127) == FUTEX_WAIT && chance()) switch (pick(3)) {
      case 0:
        errno = EINTR;
        return -1;
      case 1:
        if (*(volatile unsigned*)a[0] == (unsigned)a[2]) return 0;
        errno = EAGAIN;
        return -1;
      default:
        return 0;
    }
  return real(n, a[0], a[1], a[2], a[3], a[4], a[5]);
}
