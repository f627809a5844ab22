import Foundation

/// Seconds of the repetitions of one measurement.
struct Series {
  var name: String
  var seconds: [Double] = []
  /// Of the processor, all threads together; unlike the clock's they hardly grow when others use the cores.
  var processorSeconds: [Double] = []

  init(_ name: String) {
    self.name = name
  }

  mutating func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
    let (start, used) = (ContinuousClock.now, Self.usedProcessorSeconds)
    let result = try body()
    seconds.append(start.duration(to: .now) / .seconds(1))
    processorSeconds.append(Self.usedProcessorSeconds - used)
    return result
  }

  /// What a peer answered: both kinds of seconds.
  mutating func add(_ answer: (seconds: Double, processorSeconds: Double)) {
    seconds.append(answer.seconds)
    processorSeconds.append(answer.processorSeconds)
  }

  /// Processor seconds of this process so far.
  static var usedProcessorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  var median: Double { Self.median(seconds) }
  var processorMedian: Double { Self.median(processorSeconds) }

  private static func median(_ seconds: [Double]) -> Double {
    let sorted = seconds.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// One line: median and range of the seconds, the rate for that many bytes, and the processor's median.
  func line(byteCount: Int) -> String {
    let range = "\(text(seconds.min() ?? 0, 3)) to \(text(seconds.max() ?? 0, 3))"
    let processor = processorSeconds.isEmpty ? "" : ", processor \(text(Self.median(processorSeconds), 3)) s"
    return
      "\(padded(name, 44)) \(text(median, 3)) s (\(range))  \(text(Double(byteCount) / 1e6 / median, 0)) MB/s"
      + processor
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
