import Foundation
import Trace

/// MagCache's ratios for one model: how the norm of what the blocks add changes from call to call.
public struct MagCacheCalibration: Hashable, Sendable {
  /// Numbers of one guidance branch, or of all together; one entry for each call, the first without meaning.
  public struct Ratios: Hashable, Sendable {
    /// The branch; nil where the tokens of all branches are taken together.
    public var branch: Int?
    /// `γ_s`: mean over tokens of `‖R_s‖ / ‖R_(s−1)‖`, then over recordings; the first is 1.
    public var mean: [Double]
    /// Standard deviation of γ over recordings, smallest and largest; 0, γ and γ of a single one.
    public var deviation: [Double]
    public var least: [Double]
    public var most: [Double]
    /// Standard deviation of the ratio over tokens, then the mean over recordings.
    public var tokenDeviation: [Double]
    /// Mean over tokens of `1 − cos(R_s, R_(s−1))`, then over recordings: what the ratio does not see.
    public var cosineDistance: [Double]

    public init(
      branch: Int?, mean: [Double], deviation: [Double], least: [Double], most: [Double],
      tokenDeviation: [Double], cosineDistance: [Double]
    ) {
      self.branch = branch
      self.mean = mean
      self.deviation = deviation
      self.least = least
      self.most = most
      self.tokenDeviation = tokenDeviation
      self.cosineDistance = cosineDistance
    }

    /// Mean over calls of the deviation between recordings, over the mean of `|1 − γ|`: how much of what the
    /// policy adds up is the recording's and not the model's.
    public var relativeSpread: Double? {
      let signal = mean.dropFirst().reduce(0) { $0 + abs(1 - $1) }
      return signal > 0 ? deviation.dropFirst().reduce(0, +) / signal : nil
    }
  }

  /// All branches together first, then branch by branch where there are several.
  public var ratios: [Ratios]
  /// Token ratios that were left out because the residual before was zero.
  public var undefinedCount: Int

  public init(ratios: [Ratios], undefinedCount: Int) {
    self.ratios = ratios
    self.undefinedCount = undefinedCount
  }

  /// The ratios of a branch, or of all together; the latter where the branch has none.
  public func ratios(branch: Int?) -> Ratios? {
    ratios.first { $0.branch == branch } ?? ratios.first { $0.branch == nil }
  }

  /// The ratios of a chunk with other noise levels than those that they were measured at.
  ///
  /// `log` of the product of all ratios up to a call is taken as a function of the noise level, linear between
  /// the measured ones and constant outside, and differenced at the new ones: a step twice as long has
  /// the product of the two ratios it spans. At the measured levels the ratios come back.
  public static func resampled(_ ratios: [Double], from sigmas: [Double], to others: [Double]) -> [Double] {
    precondition(ratios.count == sigmas.count && !ratios.isEmpty)
    var sum = 0.0
    let logs = ratios.enumerated().map { place, ratio in
      sum += place == 0 ? 0 : log(ratio)
      return sum
    }
    func value(_ sigma: Double) -> Double {
      // Noise falls; the first interval that reaches down to the level holds it.
      guard let right = sigmas.indices.dropFirst().first(where: { sigmas[$0] <= sigma }) else {
        return sigma >= sigmas[0] ? logs[0] : logs[logs.count - 1]
      }
      let (high, low) = (sigmas[right - 1], sigmas[right])
      guard high > low, sigma < high else { return logs[right - 1] }
      return logs[right] + (logs[right - 1] - logs[right]) * (sigma - low) / (high - low)
    }
    let values = others.map(value)
    return [1] + zip(values.dropFirst(), values).map { exp($0 - $1) }
  }

  /// Noise levels of `callCount` calls on the curve of the recorded ones over the share of calls done.
  ///
  /// Linear between recorded levels; the curve ends at 0 after the last call.
  public static func sigmas(_ recorded: [Double], callCount: Int) -> [Double] {
    let curve = recorded + [0]
    return (0..<callCount).map { call in
      let place = Double(call) * Double(recorded.count) / Double(callCount)
      let index = min(Int(place), recorded.count - 1)
      return curve[index] + (curve[index + 1] - curve[index]) * (place - Double(index))
    }
  }

  /// What one chunk says.
  struct Sample: Sendable {
    /// `[call]`, the first 1, 0 and 0.
    var ratio: [Double]
    var tokenDeviation: [Double]
    var cosineDistance: [Double]
    var undefinedCount = 0
  }

  /// Ratios of a chunk measured at `stack`, of some branches together.
  static func sample(of geometry: Geometry, branches: Range<Int>) -> Sample {
    var sample = Sample(ratio: [1], tokenDeviation: [0], cosineDistance: [0])
    let distances = geometry.distances
    for position in 1..<max(1, geometry.callCount) {
      var (ratios, cosines) = ([Double](), [Double]())
      for branch in branches {
        let (u, v) = (geometry.point(position - 1, branch: branch), geometry.point(position, branch: branch))
        let (older, newer) = (
          distances.squaredDistances(u, distances.origin), distances.squaredDistances(v, distances.origin)
        )
        for (token, between) in distances.squaredDistances(u, v).enumerated() {
          guard older[token] > 0 else {
            sample.undefinedCount += 1
            continue
          }
          ratios.append((newer[token] / older[token]).squareRoot())
          if newer[token] > 0 {
            cosines.append(
              1 - (older[token] + newer[token] - between) / (2 * (older[token] * newer[token]).squareRoot()))
          }
        }
      }
      let moments = Moments(ratios)
      sample.ratio.append(moments.mean ?? 1)
      sample.tokenDeviation.append(moments.deviation)
      sample.cosineDistance.append(Moments(cosines).mean ?? 0)
    }
    return sample
  }

  static func ratios(_ samples: [Sample], branch: Int?) -> Ratios {
    func over(_ value: (Sample) -> [Double], _ pick: ([Double]) -> Double) -> [Double] {
      samples[0].ratio.indices.map { call in pick(samples.map { value($0)[call] }) }
    }
    return Ratios(
      branch: branch, mean: over(\.ratio) { Moments($0).mean! },
      deviation: over(\.ratio) { Moments($0).deviation }, least: over(\.ratio) { $0.min()! },
      most: over(\.ratio) { $0.max()! }, tokenDeviation: over(\.tokenDeviation) { Moments($0).mean! },
      cosineDistance: over(\.cosineDistance) { Moments($0).mean! })
  }
}
