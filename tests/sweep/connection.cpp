#include "common.hpp"
int main(int c, char** v) {
  return attack_main(c, v, [](mp::Context& ctx, std::vector<mp::Process>& kids) {
    auto [here, there] = mp::Pipe();
    mp::Listener listener;
    mp::Queue<mp::Connection> ends;
    kids.push_back(ctx.Process(
        [](mp::Connection p, std::string path, mp::Queue<mp::Connection> q) {
          for (int i = 0; i < 20; ++i) {
            auto s = p.recv<std::string>(4s);
            p.send(s + "!");
          }
          auto client = mp::Client(path);
          client.send(42);
          if (client.recv<int>(4s) != 43) throw mp::Exit{9};
          auto end = q.get(4s);
          end.send(std::string(70000, 'y'));
        },
        there, listener.address().path(), ends));
    kids.back().start();
    there.close();
    for (int i = 0; i < 20; ++i) {
      here.send(std::string(i == 10 ? 200000 : 10, 'x'));
      EXPECT(here.recv<std::string>(4s).size() == (i == 10 ? 200001u : 11u));
    }
    auto peer = listener.accept(4s);
    EXPECT(peer.recv<int>(4s) == 42);
    peer.send(43);
    auto [r, w] = mp::Pipe(mp::PipeOptions{.duplex = false});
    ends.put(w, 4s);
    w.close();
    EXPECT(!mp::wait({mp::Waitable(r)}, 4s).empty());
    EXPECT(r.recv<std::string>(4s).size() == 70000);
    return join_all(kids);
  });
}
