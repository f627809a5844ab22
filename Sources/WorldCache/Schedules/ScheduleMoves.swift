/// Local search over schedules for costs that do not add up: no bound comes of it.
enum ScheduleMoves {
  /// Moves one computed call at a time to any other place as long as that lowers the cost; of each round the
  /// best move is taken.
  ///
  /// `cost` answers nil for schedules that are not allowed. Cost: about (computed calls) · (predicted calls)
  /// evaluations a round.
  static func improve(
    _ start: [Int], callCount: Int, _ constraints: ScheduleConstraints, cost: ([Int]) -> Double?
  ) -> (schedule: [Int], cost: Double)? {
    guard var best = cost(start).map({ (schedule: start, cost: $0) }) else { return nil }
    while true {
      var better: (schedule: [Int], cost: Double)?
      for place in best.schedule.indices.dropFirst(max(1, constraints.warmUp)) {
        var rest = best.schedule
        rest.remove(at: place)
        for position in 1..<callCount where !best.schedule.contains(position) {
          let moved = (rest + [position]).sorted()
          guard constraints.allow(moved, callCount: callCount), let cost = cost(moved),
            cost < (better?.cost ?? best.cost)
          else { continue }
          better = (moved, cost)
        }
      }
      guard let better else { return best }
      best = better
    }
  }
}

extension ScheduleConstraints {
  /// Whether a schedule keeps them.
  func allow(_ schedule: [Int], callCount: Int) -> Bool {
    let ends = schedule.dropFirst() + [callCount]
    return schedule.first == 0 && schedule.prefix(warmUp).last == min(warmUp, callCount) - 1
      && (!lastComputed || schedule.last == callCount - 1)
      && zip(schedule, ends).allSatisfy { $1 - $0 - 1 <= longestStreak ?? Int.max }
  }
}
