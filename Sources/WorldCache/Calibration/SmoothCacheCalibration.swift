public import Trace

/// SmoothCache's errors of holding, by distance and call.
public struct SmoothCacheCalibration: Hashable, Sendable {
  /// What is held.
  public var site: Site
  /// Row r, entry i: `Σ|f_i − f_(i+r+1)| / Σ|f_(i+r+1)|` over all tokens and branches, mean over recordings.
  public var rows: [[Double]]
  /// Standard deviation over recordings; zeros of a single one.
  public var deviation: [[Double]]

  public init(site: Site, rows: [[Double]], deviation: [[Double]]) {
    self.site = site
    self.rows = rows
    self.deviation = deviation
  }

  /// The calls that the scan computes at an error of at most `alpha`, ascending.
  public func schedule(alpha: Double) -> [Int] {
    SmoothCachePolicy.Scan(rows: rows, alpha: alpha, callCount: rows[0].count + 1).computed.sorted()
  }

  init(site: Site, _ samples: [[[Double]]]) {
    self.site = site
    func over(_ pick: ([Double]) -> Double) -> [[Double]] {
      samples[0].indices.map { row in
        samples[0][row].indices.map { call in pick(samples.map { $0[row][call] }) }
      }
    }
    rows = over { Moments($0).mean! }
    deviation = over { Moments($0).deviation }
  }
}
