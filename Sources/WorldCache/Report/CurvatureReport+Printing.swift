import Foundation
import Trace

extension CurvatureReport {
  /// The boundaries that a policy's groups would have over all tokens of the selected calls.
  ///
  /// Boundaries are drawn call by call; over several calls their medians are shown.
  public func boundaries(_ selection: Selection, _ groups: CurvatureGroups) -> (
    stable: Double, chaotic: Double
  ) {
    let positions = selection.position.map { [$0 - 2] } ?? Array(curvatures.indices)
    let all = positions.map { groups.predictor.boundaries(of: curvatures[$0]) }
    return (Quantile.median(all.map(\.stable))!, Quantile.median(all.map(\.chaotic))!)
  }

  /// The histogram as rows; a boundary is written beside the bin that it falls into.
  public func table(_ selection: Selection, _ groups: CurvatureGroups) -> Table {
    var table = Table(columns: [
      .init("log10 from", key: "log10_curvature_from"), .init("to", key: "log10_curvature_to"),
      .init("tokens", key: "token_calls"), .init("boundary", key: "group_boundary"),
    ])
    let histogram = CurvatureReport.histogram(values(selection))
    let marks = marks(histogram, boundaries(selection, groups))
    for (bin, count) in histogram.counts.enumerated() {
      let low = histogram.lowest + Double(bin) * histogram.width
      table.append([
        .number(low, decimals: 2), .number(low + histogram.width, decimals: 2), .integer(count),
        .text(marks[bin, default: []].joined(separator: ", ")),
      ])
    }
    return table
  }

  // What to write beside each bin that holds a boundary.
  private func marks(_ histogram: Histogram, _ boundaries: (stable: Double, chaotic: Double)) -> [Int:
    [String]]
  {
    var marks: [Int: [String]] = [:]
    for (name, value) in [("stable | linear", boundaries.stable), ("linear | chaotic", boundaries.chaotic)]
    where value > 0 {
      let bin = Int(((log10(value) - histogram.lowest) / histogram.width).rounded(.down))
      marks[bin, default: []].append("\(name) at \(Table.decimal(log10(value), 2))")
    }
    return marks
  }

  /// The histogram as bars, with the boundaries beside the bins that they fall into.
  public func drawing(_ selection: Selection, _ groups: CurvatureGroups) -> String {
    let values = values(selection)
    let histogram = CurvatureReport.histogram(values)
    let marks = marks(histogram, boundaries(selection, groups))
    let bars = Drawing.bars(
      histogram.counts.enumerated().map { index, count in
        (Table.decimal(histogram.lowest + Double(index) * histogram.width, 2), count)
      }
    ).split(separator: "\n").enumerated().map { bin, bar in
      marks[bin].map { bar + "   <- " + $0.joined(separator: ", ") } ?? String(bar)
    }
    let zeros = histogram.zeros == 0 ? "" : "\n\(histogram.zeros) values of zero curvature are not drawn"
    let medians = selection.position == nil ? " (medians over calls)" : ""
    return "log10 curvature, \(values.count) token-calls, boundaries\(medians) of \(groups.spec)\n"
      + bars.joined(separator: "\n") + zeros
  }

  /// Histogram and boundaries for programs.
  public func json(_ selection: Selection, _ groups: CurvatureGroups) -> JSONValue {
    let boundaries = boundaries(selection, groups)
    return .object([
      ("policy", .string(groups.spec.description)), ("stable_below", .number(boundaries.stable)),
      ("chaotic_from", .number(boundaries.chaotic)),
      ("zero_curvature_token_calls", .integer(CurvatureReport.histogram(values(selection)).zeros)),
      ("histogram", table(selection, groups).json),
    ])
  }

  /// Curvature of every selected token at one call, mean over guidance branches.
  public func tokenTable(at position: Int, modality: Int?, frame: Int?) -> Table {
    var table = Table(columns: [
      .init("modality", key: "modality"), .init("frame", key: "frame"), .init("row", key: "row"),
      .init("column", key: "column"), .init("curvature", key: "curvature"),
    ])
    for (index, token) in geometry.tokens.enumerated()
    where (modality.map { $0 == token.modality } ?? true) && (frame.map { $0 == token.frame } ?? true) {
      table.append([
        .text(geometry.modalities[token.modality]), .integer(token.frame), .integer(token.row),
        .integer(token.column), .number(curvature(of: index, at: position), decimals: 6),
      ])
    }
    return table
  }

  /// A shaded map of log10 curvature for each selected modality and frame, on one common scale.
  public func maps(at position: Int, modality: Int?, frame: Int?) -> String {
    let logs = geometry.tokens.indices.map { index in
      let value = curvature(of: index, at: position)
      return value > 0 ? log10(value) : -Double.infinity
    }
    let finite = logs.filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
    var parts = [
      "log10 curvature at call \(position), from \(Table.decimal(low, 2)) (dark) to \(Table.decimal(high, 2)) (bright)"
    ]
    for (m, name) in geometry.modalities.enumerated() where modality.map({ $0 == m }) ?? true {
      let frames = Set(geometry.tokens.filter { $0.modality == m }.map(\.frame)).sorted()
      for f in frames where frame.map({ $0 == f }) ?? true {
        let members = geometry.tokens.indices.filter {
          geometry.tokens[$0].modality == m && geometry.tokens[$0].frame == f
        }
        let rows = (members.map { geometry.tokens[$0].row }.max() ?? 0) + 1
        let columns = (members.map { geometry.tokens[$0].column }.max() ?? 0) + 1
        var grid = Array(repeating: [Double](repeating: -.infinity, count: columns), count: rows)
        for index in members {
          grid[geometry.tokens[index].row][geometry.tokens[index].column] = max(logs[index], low)
        }
        parts.append(
          "\(name), frame \(f)\n" + Drawing.map(grid.map { $0.map { max($0, low) } }, from: low, to: high))
      }
    }
    return parts.joined(separator: "\n\n")
  }

  private func curvature(of token: Int, at position: Int) -> Double {
    (0..<geometry.branchCount).reduce(0) { $0 + curvatures[position - 2][$1 * geometry.tokenCount + token] }
      / Double(geometry.branchCount)
  }
}

/// A policy that groups tokens by curvature.
public struct CurvatureGroups: Sendable {
  public let spec: PolicySpec
  let predictor: GroupedPredictor

  /// Throws when the policy does not group tokens.
  public init(_ plan: PolicyPlan) throws {
    guard let grouped = try plan.predictor() as? GroupedPredictor else {
      throw PolicyError("policy '\(plan.spec.name)' does not group tokens by curvature; use worldcache")
    }
    guard grouped.criterion == .curvature, grouped.scope == .pooled else {
      throw PolicyError(
        "\(plan.spec) groups tokens otherwise than by curvature over all of them; these boundaries are drawn "
          + "for criterion=curvature,quantiles=pooled,coupling=pooled")
    }
    spec = plan.spec
    predictor = grouped
  }
}
