import Foundation
import WorldCache
import WorldModel

/// What caching has to beat: a rollout with fewer steps, other noise levels, another solver, or guidance for
/// its first steps only.
struct Control: Sendable {
  /// As it was written.
  let text: String
  private var stepCount: Int?
  private var shift: Double?
  private var sigmas: [Double]?
  /// Calls of the uncached schedule whose noise levels are the nodes.
  private var calls: [Int]?
  private var solver: Solver?
  private var guidedStepCount: Int?

  private static let keys = ["steps", "shift", "nodes", "calls", "solver", "guidance-until"]

  /// Reads `steps=13,shift=1.5`, `calls=0+4+9,solver=ab2`, `nodes=FILE` or `guidance-until=20`; throws a
  /// ``PolicyError`` that names what is allowed.
  init(parsing text: String) throws {
    self.text = text
    for setting in try PolicySpec(parsing: "control:" + text).settings {
      let (key, value) = (setting.key, setting.value)
      func refuse(_ allowed: String) -> PolicyError {
        PolicyError("\(key)=\(value) of --control \(text) is not allowed; allowed is \(allowed)")
      }
      switch key {
      case "steps":
        guard let count = Int(value), (1...1000).contains(count) else {
          throw refuse("a number from 1 to 1000")
        }
        stepCount = count
      case "shift":
        guard let number = Double(value), (0.01...100).contains(number) else {
          throw refuse("a number from 0.01 to 100")
        }
        shift = number
      case "calls":
        let numbers = value.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.first == 0, zip(numbers, numbers.dropFirst()).allSatisfy({ ($0 ?? 0) < ($1 ?? 0) })
        else {
          throw refuse("calls in ascending order from 0, joined by +")
        }
        calls = numbers.compactMap { $0 }
      case "nodes": sigmas = try Control.sigmas(inFile: value)
      case "solver":
        guard let named = Solver(rawValue: value) else {
          throw refuse(Solver.allCases.map(\.rawValue).joined(separator: " or "))
        }
        solver = named
      case "guidance-until":
        guard let count = Int(value), (0...1000).contains(count) else {
          throw refuse("a number from 0 to 1000")
        }
        guidedStepCount = count
      default:
        throw PolicyError(
          "'\(key)' of --control \(text) is not known; known are " + Control.keys.joined(separator: ", "))
      }
    }
    let nodes = [calls != nil, sigmas != nil, stepCount != nil || shift != nil].count { $0 }
    guard nodes <= 1 else {
      throw PolicyError("--control \(text) gives noise levels twice: by steps and shift, calls or nodes")
    }
    guard nodes == 1 || solver != nil || guidedStepCount != nil else {
      throw PolicyError("--control '\(text)' says nothing; known are " + Control.keys.joined(separator: ", "))
    }
  }

  /// The rollout that this control makes of another one; throws where it asks for calls that are not there.
  func rollout(_ rollout: Rollout) throws -> Rollout {
    var schedule: Schedule?
    if stepCount != nil || shift != nil {
      schedule = Schedule(
        stepCount: stepCount ?? rollout.schedule.stepCount, shift: shift ?? rollout.schedule.shift)
    } else if let sigmas {
      schedule = Schedule(sigmas: sigmas)
    } else if let calls {
      guard let last = calls.last, last < rollout.schedule.stepCount else {
        throw PolicyError(
          "--control \(text) names call \(calls.last ?? 0); the rollout has \(rollout.schedule.stepCount)")
      }
      schedule = Schedule(sigmas: calls.map { rollout.schedule.sigmas[$0] } + [0])
    }
    return Rollout(rollout, schedule: schedule, solver: solver, guidedStepCount: guidedStepCount)
  }

  // Numbers separated by white space or commas, from 1 downwards; 0 at the end may be left out.
  private static func sigmas(inFile path: String) throws -> [Double] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw PolicyError("the file of noise levels '\(path)' cannot be read")
    }
    let words = text.split { $0.isWhitespace || $0 == "," }
    var sigmas = words.compactMap { Double($0) }
    let areNumbers = sigmas.count == words.count
    if sigmas.last != 0 { sigmas.append(0) }
    guard areNumbers, sigmas.count >= 2, sigmas[0] == 1,
      zip(sigmas, sigmas.dropFirst()).allSatisfy({ $0 > $1 })
    else {
      throw PolicyError(
        "'\(path)' must hold noise levels, numbers in descending order from 1, separated by blanks, commas or lines"
      )
    }
    return sigmas
  }
}
