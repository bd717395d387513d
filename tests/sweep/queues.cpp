#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    mp::Queue<std::string> q{8};
    mp::JoinableQueue<int> work;
    mp::SimpleQueue<int> back;
    mp::Queue<mp::Queue<int>> nested;
    for (int i = 0; i < 2; ++i) {
      kids.push_back(ctx.Process(
          [](mp::Queue<std::string> a, mp::JoinableQueue<int> w, mp::SimpleQueue<int> b) {
            for (int j = 0; j < 100; ++j) a.put(std::string(j % 10 == 0 ? 100000 : 10, 'a'), 4s);
            for (;;) {
              int n = w.get(4s);
              if (n < 0) {
                w.task_done();
                break;
              }
              b.put(n * n);
              w.task_done();
            }
          },
          q, work, back));
      kids.back().start();
    }
    std::size_t bytes = 0;
    for (int i = 0; i < 200; ++i) bytes += q.get(4s).size();
    EXPECT(bytes == 2 * (10 * 100000 + 90 * 10));
    for (int i = 0; i < 100; ++i) work.put(i);
    work.put(-1);
    work.put(-1);
    if (!work.join(4s)) throw mp::TimeoutError("JoinableQueue.join");
    long sum = 0;
    for (int i = 0; i < 100; ++i) {
      EXPECT(!back.empty());
      sum += back.get();
    }
    EXPECT(sum == 328350);
    mp::Queue<int> inner;
    nested.put(inner);
    nested.get(4s).put(3);
    EXPECT(inner.get(4s) == 3);
    return join_all(kids);
  });
}
