import Foundation
public import Trace

/// Curvatures of a recorded, uncached trajectory: what WorldCache's groups are cut from.
public struct CurvatureReport: Sendable {
  public let geometry: Geometry
  /// Curvature of every pooled token at each position from 2 on, from the calls at that position and
  /// the two before; `curvatures[position − 2][branch · tokens + token]`.
  public let curvatures: [[Double]]

  public init(_ geometry: Geometry) throws {
    guard geometry.callCount >= 3 else {
      throw PolicyError("curvature needs at least 3 calls in a stream; this one has \(geometry.callCount)")
    }
    self.geometry = geometry
    let signals = GeometrySignals.open(geometry)
    curvatures = (2..<geometry.callCount).map {
      Curvature.values(anchors: [$0, $0 - 1, $0 - 2], signals: signals)
    }
  }

  /// What to count: one call or all, one modality or all, one frame or all.
  public struct Selection: Sendable {
    public var position: Int?
    public var modality: Int?
    public var frame: Int?

    public init(position: Int? = nil, modality: Int? = nil, frame: Int? = nil) {
      self.position = position
      self.modality = modality
      self.frame = frame
    }
  }

  /// The selected curvatures, unsorted.
  public func values(_ selection: Selection) -> [Double] {
    let positions = selection.position.map { [$0 - 2] } ?? Array(curvatures.indices)
    let chosen = geometry.tokens.indices.filter { index in
      (selection.modality.map { $0 == geometry.tokens[index].modality } ?? true)
        && (selection.frame.map { $0 == geometry.tokens[index].frame } ?? true)
    }
    return positions.flatMap { position in
      (0..<geometry.branchCount).flatMap { branch in
        chosen.map { curvatures[position][branch * geometry.tokenCount + $0] }
      }
    }
  }

  /// Counts in bins of equal width of log10 curvature; zeros are counted apart.
  public struct Histogram: Sendable {
    /// Lower edges in log10, and the width of a bin.
    public var lowest: Double
    public var width: Double
    public var counts: [Int]
    /// Tokens with zero curvature, which have no logarithm.
    public var zeros: Int
  }

  public static func histogram(_ values: [Double], bins: Int = 16) -> Histogram {
    let logs = values.filter { $0 > 0 }.map { log10($0) }
    let zeros = values.count - logs.count
    guard let low = logs.min(), let high = logs.max() else {
      return Histogram(lowest: 0, width: 1, counts: [], zeros: zeros)
    }
    let width = max((high - low) / Double(bins), 1e-9)
    var counts = [Int](repeating: 0, count: bins)
    for value in logs { counts[min(bins - 1, Int((value - low) / width))] += 1 }
    return Histogram(lowest: low, width: width, counts: counts, zeros: zeros)
  }
}
