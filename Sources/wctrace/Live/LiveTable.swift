import WorldCache
import WorldModel

/// Live runs as rows; docs/metrics.md defines every column.
enum LiveTable {
  /// One row for each scene, noise and method.
  static func rollouts(_ results: [LiveResult]) -> Table {
    var table = Table(columns: [
      .init("scene", key: "scene"), .init("noise", key: "noise"), .init("computed", key: "computed_calls"),
      .init("of", key: "calls"), .init("evaluations", key: "evaluations"),
      .init("seconds", key: "wall_seconds"),
      .init("speed-up", key: "measured_speedup"), .init("final", key: "final_error"),
      .init("PSNR", key: "psnr_db"), .init("SSIM", key: "ssim"), .init("RGB", key: "rgb_error"),
      .init("disparity", key: "disparity_error_per_metre"), .init("motion", key: "motion_error_metres"),
      .init("RGB err. ratio", key: "rgb_error_ratio"),
      .init("disp. err. ratio", key: "disparity_error_ratio"),
      .init("motion err. ratio", key: "motion_error_ratio"), .init("cache MB", key: "peak_cache_bytes"),
      .init("own %", key: "controller_percent"), .init("kind", key: "kind"),
      .init("method (live)", key: "method"),
    ])
    for result in results {
      let (comparison, errors) = (result.comparison, result.comparison.errors)
      table.append([
        .integer(result.scene), .integer(result.noise), .integer(result.computedCount),
        .integer(result.callCount), .integer(result.evaluationCount), .number(result.seconds, decimals: 2),
        .number(result.speedup, decimals: 2), .number(comparison.finalError, decimals: 4),
        decibels(comparison.psnr), .number(comparison.ssim, decimals: 4), .number(errors.rgb, decimals: 4),
        .number(errors.disparity, decimals: 4), .number(errors.motion, decimals: 4),
        ratio(result.retained(\.rgb)), ratio(result.retained(\.disparity)), ratio(result.retained(\.motion)),
        result.kind == "policy" ? .bytes(result.peakByteCount) : .none,
        result.kind == "policy" ? .number(100 * result.controllerFraction, decimals: 2) : .none,
        .text(result.kind), .text(result.method),
      ])
    }
    return table
  }

  /// One row for each method: medians over scenes and noises, and the worst beside them.
  static func summary(_ results: [LiveResult]) -> Table {
    var table = Table(columns: [
      .init("runs", key: "runs"), .init("computed", key: "computed_calls_mean"),
      .init("seconds", key: "wall_seconds_median"), .init("speed-up", key: "measured_speedup_median"),
      .init("least", key: "measured_speedup_worst"), .init("final", key: "final_error_median"),
      .init("worst", key: "final_error_worst"), .init("PSNR", key: "psnr_db_median"),
      .init("worst", key: "psnr_db_worst"), .init("SSIM", key: "ssim_median"),
      .init("worst", key: "ssim_worst"), .init("RGB err. ratio", key: "rgb_error_ratio_median"),
      .init("worst", key: "rgb_error_ratio_worst"),
      .init("disp. err. ratio", key: "disparity_error_ratio_median"),
      .init("worst", key: "disparity_error_ratio_worst"),
      .init("motion err. ratio", key: "motion_error_ratio_median"),
      .init("worst", key: "motion_error_ratio_worst"), .init("own %", key: "controller_percent_median"),
      .init("method (live)", key: "method"),
    ])
    var order: [String] = []
    for result in results where !order.contains(result.method) { order.append(result.method) }
    for method in order {
      let own = results.filter { $0.method == method }
      func values(_ figure: (LiveResult) -> Double) -> [Double] { own.map(figure) }
      func figures(
        _ values: [Double], worst: ([Double]) -> Double?, _ cell: (Double) -> Table.Cell
      ) -> [Table.Cell] { [cell(Quantile.median(values)!), cell(worst(values)!)] }
      func number(_ decimals: Int) -> (Double) -> Table.Cell { { .number($0, decimals: decimals) } }
      let computed = values { Double($0.computedCount) }
      var row: [Table.Cell] = [
        .integer(own.count), .number(computed.reduce(0, +) / Double(own.count), decimals: 1),
        .number(Quantile.median(values(\.seconds))!, decimals: 2),
      ]
      row += figures(values(\.speedup), worst: { $0.min() }, number(2))
      row += figures(values(\.comparison.finalError), worst: { $0.max() }, number(4))
      row += figures(values(\.comparison.psnr), worst: { $0.min() }, decibels)
      row += figures(values(\.comparison.ssim), worst: { $0.min() }, number(4))
      row += figures(values { $0.retained(\.rgb) }, worst: { $0.max() }, ratio)
      row += figures(values { $0.retained(\.disparity) }, worst: { $0.max() }, ratio)
      row += figures(values { $0.retained(\.motion) }, worst: { $0.max() }, ratio)
      row.append(
        own[0].kind == "policy"
          ? .number(Quantile.median(values { 100 * $0.controllerFraction })!, decimals: 2) : .none)
      table.append(row + [.text(method)])
    }
    return table
  }

  /// One row for each chunk, or each frame, of every run.
  static func parts(_ results: [LiveResult], byFrame: Bool) -> Table {
    var table = Table(
      columns: [
        .init("scene", key: "scene"), .init("noise", key: "noise"), .init("chunk", key: "chunk"),
      ] + (byFrame ? [.init("frame", key: "frame")] : [.init("final", key: "final_error")]) + [
        .init("PSNR", key: "psnr_db"), .init("SSIM", key: "ssim"), .init("RGB", key: "rgb_error"),
        .init("disparity", key: "disparity_error_per_metre"), .init("motion", key: "motion_error_metres"),
        .init("RGB err. ratio", key: "rgb_error_ratio"),
        .init("disp. err. ratio", key: "disparity_error_ratio"),
        .init("motion err. ratio", key: "motion_error_ratio"), .init("method (live)", key: "method"),
      ])
    for result in results {
      for chunk in result.comparison.chunks {
        let start: [Table.Cell] = [.integer(result.scene), .integer(result.noise), .integer(chunk.chunk)]
        if byFrame {
          for frame in chunk.frameSSIM.indices {
            table.append(
              start + [.integer(frame)]
                + cells(
                  square: chunk.frameSquares[frame], ssim: chunk.frameSSIM[frame],
                  chunk.errors.frame(frame), chunk.uncachedErrors.frame(frame)) + [.text(result.method)])
          }
        } else {
          let whole = RolloutComparison([chunk])
          let square = chunk.frameSquares.reduce(0, +) / Double(chunk.frameSquares.count)
          table.append(
            start + [.number(whole.finalError, decimals: 4)]
              + cells(square: square, ssim: whole.ssim, whole.errors, whole.uncachedErrors)
              + [.text(result.method)])
        }
      }
    }
    return table
  }

  private static func cells(
    square: Double, ssim: Double, _ errors: TruthErrors, _ uncached: TruthErrors
  ) -> [Table.Cell] {
    [
      decibels(Quality.decibels(square)), .number(ssim, decimals: 4), .number(errors.rgb, decimals: 4),
      .number(errors.disparity, decimals: 4), .number(errors.motion, decimals: 4),
      ratio(errors.rgb / uncached.rgb), ratio(errors.disparity / uncached.disparity),
      ratio(errors.motion / uncached.motion),
    ]
  }

  /// Every decision of one run.
  static func decisions(_ result: LiveResult) -> Table {
    var table = Table(columns: [
      .init("chunk", key: "chunk"), .init("lane", key: "lane"), .init("call", key: "position"),
      .init("sigma", key: "sigma"), .init("decision", key: "decision"), .init("reason", key: "reason"),
      .init("signal", key: "signal"), .init("threshold", key: "threshold"),
    ])
    func number(_ value: Double?) -> Table.Cell { value.map { .number($0, decimals: 4) } ?? .none }
    for stream in result.streams {
      for (lane, decisions) in stream.lanes.enumerated() {
        for (position, decision) in decisions.enumerated() {
          table.append([
            .integer(stream.chunk), .integer(lane), .integer(position),
            .number(stream.sigmas[position], decimals: 4), .text(decision.action.rawValue),
            .text(decision.reason.rawValue), number(decision.signal), number(decision.threshold),
          ])
        }
      }
    }
    return table
  }

  // The same frames differ by nothing, which no number of decibels says.
  private static func decibels(_ value: Double) -> Table.Cell {
    value.isFinite ? .number(value, decimals: 2) : .none
  }

  private static func ratio(_ value: Double) -> Table.Cell {
    value.isFinite ? .number(value, decimals: 3) : .none
  }
}
