import Trace

/// Computes the calls that a file names.
enum SchedulePolicy {
  static let entry = PolicyEntry(
    name: "schedule", summary: "Computes the calls that a file names (an explicit mask).",
    source: "Your file: computed positions, a 0/1 list, cache-dit's steps_computation_mask or bins "
      + "(vipshop/cache-dit f86744a), or CSV; docs/adding-a-policy.md.",
    parameters: parameters
  ) { spec in
    let path = try ParameterValues.text("file", in: spec, among: parameters)
    let calls = try ScheduleFile.read(path)
    return PolicyEntry.Loaded(parameters: parameters) { values in
      FixedSchedule(
        spec: values.spec, site: values.site("site"), predictor: try PredictorChoice.predictor(values),
        calls: calls, source: path)
    }
  }

  private static let parameters =
    [
      Parameter(
        "file", .text("the name of a .json, .yaml or .csv file"), default: nil, "which calls are computed")
    ]
    + PredictorChoice.parameters + [.site()]
}
