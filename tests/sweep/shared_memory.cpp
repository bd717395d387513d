#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    mp::SharedMemory block{mp::SharedMemoryOptions{.create = true, .size = 100000}};
    mp::ShareableList list{{std::int64_t{5}, 2.5, true, std::string("text"), std::monostate{}}};
    for (int i = 0; i < 2; ++i) {
      kids.push_back(ctx.Process(
          [](mp::SharedMemory b, std::string name, mp::ShareableList l, int id) {
            mp::SharedMemory again{name};
            b.buf<char>()[id] = 'a';
            again.buf<char>()[99990 + id] = 'b';
            if (l.get<std::int64_t>(0) != 5) throw mp::Exit{9};
            mp::SharedMemory own{mp::SharedMemoryOptions{.create = true, .size = 5000}};
            own.buf<int>()[3] = 4;
            own.unlink();
          },
          block, block.name(), list, i));
      kids.back().start();
    }
    int bad = join_all(kids);
    bool right = bad || (block.buf<char>()[0] == 'a' && block.buf<char>()[1] == 'a' &&
                         block.buf<char>()[99991] == 'b' && list.get<std::string>(3) == "text");
    block.close();
    block.unlink();
    list.shm().close();
    list.shm().unlink();
    expect(right, "values in the block");
    return bad;
  });
}
