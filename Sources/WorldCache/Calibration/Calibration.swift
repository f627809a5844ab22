import Trace

/// Numbers that policies need for one model, made from its recordings, with what they are valid for.
public struct Calibration: Hashable, Sendable {
  /// The methods that can be calibrated from traces.
  public enum Method: String, CaseIterable, Sendable {
    case teacache, magcache, smoothcache, lemica, meancache
  }

  public var domain: ValidityDomain
  /// Digests of the recordings, or their paths where they have none, in the order given.
  public var recordings: [String]
  /// Chunks of all recordings.
  public var chunkCount: Int
  public var teacache: TeaCacheCalibration?
  public var magcache: MagCacheCalibration?
  public var smoothcache: SmoothCacheCalibration?
  public var lemica: EdgeCosts?
  public var meancache: EdgeCosts?

  public init(
    domain: ValidityDomain, recordings: [String], chunkCount: Int, teacache: TeaCacheCalibration? = nil,
    magcache: MagCacheCalibration? = nil, smoothcache: SmoothCacheCalibration? = nil,
    lemica: EdgeCosts? = nil, meancache: EdgeCosts? = nil
  ) {
    self.domain = domain
    self.recordings = recordings
    self.chunkCount = chunkCount
    self.teacache = teacache
    self.magcache = magcache
    self.smoothcache = smoothcache
    self.lemica = lemica
    self.meancache = meancache
  }

  /// The methods that it has numbers for.
  public var methods: [Method] {
    Method.allCases.filter { method in
      switch method {
      case .teacache: teacache != nil
      case .magcache: magcache != nil
      case .smoothcache: smoothcache != nil
      case .lemica: lemica != nil
      case .meancache: meancache != nil
      }
    }
  }
}
