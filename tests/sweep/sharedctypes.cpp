#include <multiprocessing/sharedctypes/shared_map.hpp>
#include <multiprocessing/sharedctypes/shared_vector.hpp>
#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    mp::Value<long> n{0};
    mp::Array<double> a(5000);
    mp::SharedVector<std::string> vec;
    mp::SharedMap<std::string, int> map;
    for (int i = 0; i < 2; ++i) {
      kids.push_back(ctx.Process(
          [](mp::Value<long> x, mp::Array<double> y, mp::SharedVector<std::string> z,
             mp::SharedMap<std::string, int> w, int id) {
            for (int j = 0; j < 200; ++j) {
              x.update([](long& q) { ++q; });
              y.update([](std::span<double> all) {
                all[7] += 1;
                all[4999] += 1;
              });
              z.push_back(std::string(100 + j, 'x'));
              w.set(std::to_string(id) + ":" + std::to_string(j), j);
            }
          },
          n, a, vec, map, i));
      kids.back().start();
    }
    if (int bad = join_all(kids)) return bad;
    EXPECT(n.value() == 400);
    EXPECT(a[7] == 400.0);
    EXPECT(a[-1] == 400.0);
    EXPECT(vec.copy().size() == 400);
    EXPECT((map.at("1:199") == 199));
    std::vector<mp::RawArray<char>> blocks;
    for (int i = 0; i < 20; ++i) {
      blocks.emplace_back(300000);
      blocks.back()[299999] = 'z';
    }
    return 0;
  });
}
