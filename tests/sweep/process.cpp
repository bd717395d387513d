#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    for (int i = 0; i < 3; ++i) {
      kids.push_back(ctx.Process(
          [](std::string text, int n) {
            mp::Process inner(mp::get_context().Process([](int m) { throw mp::Exit{m}; }, n));
            inner.start();
            inner.join();
            throw mp::Exit{inner.exitcode() == n && text == "abc" ? 7 : 8};
          },
          std::string("abc"), 20 + i));
      kids.back().start();
    }
    auto sleeper = ctx.Process(mp::ProcessOptions{.daemon = true}, [] {
      for (;;) pause();
    });
    sleeper.start();
    int bad = join_all(kids, 7);
    sleeper.terminate();
    if (!sleeper.join(5s)) {
      sleeper.kill();
      return say(6, "terminated child does not join");
    }
    EXPECT(sleeper.exitcode() == -15);
    return bad;
  });
}
