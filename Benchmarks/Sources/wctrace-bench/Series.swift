import Foundation

/// Seconds of the repetitions of one measurement.
struct Series {
  var name: String
  var seconds: [Double] = []

  init(_ name: String) {
    self.name = name
  }

  mutating func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    let result = try body()
    seconds.append(start.duration(to: .now) / .seconds(1))
    return result
  }

  /// The same in processor seconds of this thread, to which busy neighbours do not add.
  mutating func measureProcessor<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = threadSeconds()
    let result = try body()
    seconds.append(threadSeconds() - start)
    return result
  }

  var median: Double {
    let sorted = seconds.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// One line: median and range of the seconds, and the rate for that many bytes.
  func line(byteCount: Int) -> String {
    let range = "\(text(seconds.min() ?? 0, 3)) to \(text(seconds.max() ?? 0, 3))"
    return
      "\(padded(name, 44)) \(text(median, 3)) s (\(range))  \(text(Double(byteCount) / 1e6 / median, 0)) MB/s"
  }
}

/// Processor seconds of the calling thread so far.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func text(_ number: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", number) }

func padded(_ text: String, _ width: Int) -> String {
  text.padding(toLength: max(width, text.count), withPad: " ", startingAt: 0)
}
