#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>&) {
    auto pool = ctx.Pool(mp::PoolOptions{.processes = 2, .maxtasksperchild = 5});
    std::vector<int> in(1000);
    for (int i = 0; i < 1000; ++i) in[i] = i;
    auto out = pool.map([](int x) { return x * x; }, in);
    for (int i = 0; i < 1000; ++i) EXPECT(out[i] == i * i);
    auto texts = pool.map([](int x) { return std::string(x % 50, 'q'); }, in, 30);
    for (int i = 0; i < 1000; ++i) EXPECT(texts[i].size() == static_cast<std::size_t>(i % 50));
    bool thrown = false;
    try {
      pool.map(
          [](int x) {
            if (x == 500) throw mp::ValueError("five hundred");
            return x;
          },
          in);
    } catch (const mp::ValueError&) {
      thrown = true;
    }
    EXPECT(thrown);
    pool.close();
    pool.join();
    return 0;
  });
}
