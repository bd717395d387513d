#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    mp::Lock lock;
    mp::RLock rlock;
    mp::Semaphore sem{1};
    mp::Condition cond;
    mp::Event go;
    mp::Barrier bar{3};
    mp::RawValue<int> n{0}, m{0}, k{0};
    for (int i = 0; i < 2; ++i) {
      kids.push_back(ctx.Process(
          [](mp::Lock l, mp::RLock r, mp::Semaphore s, mp::Condition cv, mp::Event e, mp::Barrier b,
             mp::RawValue<int> x, mp::RawValue<int> y, mp::RawValue<int> z) {
            if (!e.wait(4s)) throw mp::Exit{9};
            for (int j = 0; j < 300; ++j) {
              {
                std::scoped_lock g{l};
                x.set_value(x.value() + 1);
              }
              {
                std::scoped_lock g{r};
                std::scoped_lock h{r};
                y.set_value(y.value() + 1);
              }
              {
                std::scoped_lock g{s};
                z.set_value(z.value() + 1);
              }
            }
            b.wait(4s);
            {
              std::unique_lock g{cv};
              x.set_value(x.value() + 1);
              cv.notify_all();
            }
          },
          lock, rlock, sem, cond, go, bar, n, m, k));
      kids.back().start();
    }
    usleep(20000);
    go.set();
    bar.wait(4s);
    bool all;
    {
      std::unique_lock g{cond};
      all = cond.wait_for([&] { return n.value() == 602; }, 4s);
    }
    int bad = join_all(kids);
    if (bad) return bad;
    EXPECT(all);
    EXPECT(n.value() == 602);
    EXPECT(m.value() == 600);
    EXPECT(k.value() == 600);
    return 0;
  });
}
