/// The timetable of the Shenyi-Z repositories: the first calls, then one computed call for each interval.
///
/// Computed while s < `firstEnhance` or when `interval` − 1 calls have been predicted since the last
/// computed one; the last call is not forced (Shenyi-Z/TaylorSeer 288776d).
struct CounterSchedule: Sendable {
  let interval: Int
  let firstEnhance: Int
  /// Calls predicted since the last computed one.
  private var counter = 0

  init(interval: Int, firstEnhance: Int) {
    self.interval = interval
    self.firstEnhance = firstEnhance
  }

  /// Reads `interval` and `first-enhance`.
  init(_ values: ParameterValues) {
    self.init(interval: values.integer("interval"), firstEnhance: values.integer("first-enhance"))
  }

  static func parameters(interval: String, firstEnhance: String) -> [Parameter] {
    [
      Parameter(
        "interval", .integer(1...Int.max), default: interval, "calls from one computed call to the next"),
      Parameter(
        "first-enhance", .integer(1...1_000_000), default: firstEnhance, "calls computed at the start"),
    ]
  }

  mutating func reset() { counter = 0 }

  func decision(_ index: Int) -> Decision {
    if index < firstEnhance { return Decision(.compute, .warmUp) }
    return Decision(counter == interval - 1 ? .compute : .predict, .schedule)
  }

  mutating func predicted() { counter += 1 }
  mutating func computed() { counter = 0 }
}
