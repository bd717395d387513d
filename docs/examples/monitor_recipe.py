"""The recipe ProcessMonitor in Python: a process that reads commands from a queue and writes
dictionaries into a manager's. Needs psutil. Beside it stands monitor_recipe.cpp."""

# [all]
import multiprocessing as mp
import time

import psutil


def watch(commands, answers):
    while (command := commands.get()) != "stop":
        if command == "system":
            answers[command] = {
                "cpu_percent": psutil.cpu_percent(interval=0.1),
                "memory_percent": psutil.virtual_memory().percent,
                "disk_usage": psutil.disk_usage("/").percent,
                "process_count": len(psutil.pids()),
            }
        elif command == "processes":
            answers[command] = [p.info for p in psutil.process_iter(
                ["pid", "name", "cpu_percent", "memory_percent"])]
        elif command == "network":
            answers[command] = psutil.net_io_counters()._asdict()


class ProcessMonitor:
    def start(self):
        self.manager = mp.Manager()
        self.commands, self.answers = mp.Queue(), self.manager.dict()
        self.process = mp.Process(target=watch, args=(self.commands, self.answers), daemon=True)
        self.process.start()

    def ask(self, command):
        self.commands.put(command)
        while command not in self.answers:  # the first answer is there for ever, and if the
            time.sleep(0.01)                # process has died this waits for ever
        return self.answers[command]

    def stop(self):
        self.commands.put("stop")
        self.process.join()


def work():
    time.sleep(0.2)


if __name__ == "__main__":
    monitor = ProcessMonitor()
    monitor.start()
    worker = mp.Process(target=work)
    worker.start()
    stats = monitor.ask("system")
    print(f"cpu {stats['cpu_percent']} %, memory {stats['memory_percent']} %, "
          f"disk {stats['disk_usage']} %, {stats['process_count']} processes")
    for process in monitor.ask("processes"):
        if process["pid"] == worker.pid:
            print(f"{process['name']}: {process['memory_percent']} % of the memory")
    print(monitor.ask("network")["bytes_recv"], "bytes received")
    worker.join()
    monitor.stop()
# [/all]
