import Dispatch
import Synchronization
import Trace

/// How fast this machine predicts.
public enum PredictionRate {
  /// Bytes that weighted sums of large tensors read and write in a second, all cores together: measured now, in
  /// about a tenth of a second.
  ///
  /// Predicting is such a sum; on tensors beyond the caches memory sets its pace, not arithmetic.
  public static func measured() -> Double {
    let rates = Mutex([Double]())
    let (count, repetitions) = (1 << 21, 8)
    DispatchQueue.concurrentPerform(iterations: Cores.count) { _ in
      let values = [Double](repeating: 1, count: count)
      var sums = values
      FixedOrder.add(values, times: 0.5, to: &sums)
      let start = ContinuousClock.now
      for _ in 0..<repetitions { FixedOrder.add(values, times: 0.5, to: &sums) }
      let seconds = start.duration(to: .now) / .seconds(1)
      precondition(sums[count - 1] == 1 + 0.5 * Double(repetitions + 1))
      // One value and one sum are read and one sum is written.
      rates.withLock { $0.append(Double(repetitions * count * 24) / seconds) }
    }
    return rates.withLock { $0.reduce(0, +) }
  }
}
