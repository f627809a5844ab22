import Trace

/// Rules about what a policy decided over a whole trace.
enum DecisionRules {
  static func findings(_ replay: Replay) -> [Finding] {
    let decisions = replay.streams.flatMap { $0.lanes.joined() }
    let judged = decisions.filter { $0.reason.isJudgement }
    let predicted = decisions.filter { $0.action == .predict }
    var found: [Finding] = []
    func add(_ rule: String, place: String = "", _ meaning: String, _ remedy: String) {
      found.append(Finding(rule: rule, policy: "", place: place, meaning: meaning, remedy: remedy))
    }
    let signals = judged.compactMap(\.signal).filter(\.isFinite)
    let range = signals.min().map { low in "signals run from \(shown(low)) to \(shown(signals.max()!))" }
    let thresholds = Set(judged.compactMap(\.threshold))
    let threshold = thresholds.count == 1 ? " against a threshold of \(shown(thresholds.first!))" : ""
    let isMeant = decisions.contains { $0.reason != .always } && decisions.count > 1
    if isMeant, predicted.isEmpty {
      if judged.isEmpty {
        add(
          "never-fires",
          "no call is predicted, and none could be: all \(decisions.count) decisions follow from fixed rules "
            + "(\(reasons(decisions)))", "shorten the warm-up, or record more calls")
      } else {
        add(
          "never-fires",
          "no call is predicted: the cache costs memory and saves nothing"
            + (range.map { "; \($0)\(threshold)" } ?? ""),
          "set the threshold between the smallest and the largest signal")
      }
    }
    let stopped = judged.filter { $0.action == .compute }
    if !judged.isEmpty, stopped.isEmpty, judged.count > 1 {
      add(
        "always-fires",
        "every call that the signal may decide is predicted (\(judged.count) of \(decisions.count)): only fixed "
          + "rules compute" + (range.map { "; \($0)\(threshold)" } ?? ""),
        "lower the threshold below the largest signal, or set a cap")
    }
    if !stopped.isEmpty, stopped.allSatisfy({ $0.reason == .cap || $0.reason == .budget }) {
      add(
        "cap-decides",
        "only the \(stopped.contains { $0.reason == .cap } ? "cap" : "budget") ever computes (\(stopped.count) times): "
          + "the threshold might as well not be there" + (range.map { "; \($0)\(threshold)" } ?? ""),
        "lower the threshold, or use 'interval' and say so")
    }
    for stream in replay.streams {
      for (lane, row) in stream.lanes.enumerated() {
        let broken = row.indices.filter { row[$0].signal?.isNaN ?? false }
        guard !broken.isEmpty else { continue }
        let places = [
          replay.streams.count > 1 ? "chunk \(stream.chunk)" : "",
          stream.lanes.count > 1 ? "branch \(lane)" : "",
          Linter.calls(broken),
        ]
        add(
          "zero-signal", place: places.filter { !$0.isEmpty }.joined(separator: ", "),
          "the signal is 0/0 there: comparisons with it are always false, so that nothing is predicted",
          "look at the tensors that it compares: one is zero, or compared with itself")
      }
    }
    return found
  }

  private static func reasons(_ decisions: [Decision]) -> String {
    let counts = Dictionary(grouping: decisions, by: \.reason.rawValue).mapValues(\.count)
    return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  static func shown(_ value: Double) -> String { Table.decimal(value, abs(value) < 0.0995 ? 5 : 3) }
}
