#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    mp::Queue<mp::Connection> ends;
    mp::Value<int> n{0};
    mp::Condition cond;
    mp::SharedMemory block{mp::SharedMemoryOptions{.create = true, .size = 4096}};
    auto [here, there] = mp::Pipe();
    ends.put(there, 4s);
    there.close();
    for (int i = 0; i < 2; ++i) {
      kids.push_back(ctx.Process(
          [](mp::Queue<mp::Connection> q, mp::Value<int> x, mp::Condition cv, mp::SharedMemory b,
             int id) {
            b.buf<char>()[id] = 1;
            if (id == 0) {
              auto e = q.get(4s);
              e.send(x);
              e.recv<int>(4s);
            }
            {
              std::unique_lock g{cv};
              x.update([](int& k) { ++k; });
              cv.notify_all();
            }
          },
          ends, n, cond, block, i));
      kids.back().start();
    }
    EXPECT(here.recv<mp::Value<int>>(4s) == n);
    here.send(1);
    bool two;
    {
      std::unique_lock g{cond};
      two = cond.wait_for([&] { return n.value() == 2; }, 4s);
    }
    auto squares = ctx.Pool(2).map([](int x) { return x * x; }, {1, 2, 3, 4});
    int bad = join_all(kids);
    bool bytes = block.buf<char>()[0] == 1 && block.buf<char>()[1] == 1;
    block.close();
    block.unlink();
    if (bad) return bad;
    EXPECT(two);
    EXPECT((squares == std::vector{1, 4, 9, 16}));
    EXPECT(bytes);
    return 0;
  });
}
