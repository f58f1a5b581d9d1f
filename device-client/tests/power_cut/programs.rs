//! Scripts and programs that do not run, and what they would have done.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use conveyed_info::information::Script;
use device_client::{
    apply::script::Programs,
    env::sim::SimulatedDisk,
    machine::{OnboardingStep, ScriptEnd, ScriptVerdict},
};
use verdict::Refusal;

use crate::{
    documents::{factory, merged},
    power::Power,
    truth::Truth,
};

#[derive(Clone, Debug)]
pub(crate) struct SimulatedPrograms {
    pub(crate) power: Power,
    pub(crate) truth: Arc<Mutex<Truth>>,
    pub(crate) disk: SimulatedDisk,
}

fn end(verdict: ScriptVerdict) -> ScriptEnd {
    ScriptEnd { verdict, output: String::new() }
}

impl SimulatedPrograms {
    fn failure(&self) -> Option<ScriptEnd> {
        let fails = self.power.goes_wrong("the program fails", |faults| faults.scripts);
        let ends = [ScriptVerdict::Failed(2), ScriptVerdict::Killed, ScriptVerdict::TimedOut];
        fails.then(|| end(ends[self.power.choose(ends.len())]))
    }
}

impl Programs for SimulatedPrograms {
    fn run_script(&self, script: &Script, path: &Path, _: Duration) -> ScriptEnd {
        assert_eq!(self.disk.files().get(path), Some(&script.0), "another script lies in its folder");
        let steps = [OnboardingStep::PreScript, OnboardingStep::PostScript];
        let all = (0..factory().documents.len()).flat_map(|index| steps.map(|step| (index, step)));
        let mut these = all.filter(|(index, step)| factory().documents[*index].script(*step) == Some(script));
        let (index, step) = these.next().expect("an unknown script");
        if !self.power.step(&format!("script {index} {step} begins")) {
            return end(ScriptVerdict::Killed);
        }
        self.truth.lock().unwrap().script_begins(index, step);
        if !self.power.step("script ends") {
            return end(ScriptVerdict::Killed);
        }
        if let Some(failure) = self.failure() {
            return failure;
        }
        self.truth.lock().unwrap().ended_well.insert((index, step));
        let warns = self.power.goes_wrong("a warning", |faults| faults.scripts);
        end(if warns { ScriptVerdict::Warning } else { ScriptVerdict::Complete })
    }

    fn run_command(&self, _: &[String], argument: &str, document: &[u8], _: Duration) -> Result<ScriptEnd, Refusal> {
        if !self.power.step(&format!("program {argument}")) {
            return Ok(end(ScriptVerdict::Killed));
        }
        // It may fail before it did anything, or say that it failed when everything is done.
        if let Some(failure) = self.failure() {
            return Ok(failure);
        }
        let mut truth = self.truth.lock().unwrap();
        let program = truth.program.as_mut().expect("a program is run that there is not");
        if argument == "rollback" {
            if let Some(previous) = program.previous.take() {
                program.running = previous;
            }
        } else {
            program.previous.get_or_insert_with(|| program.running.clone());
            program.running = Some(match argument {
                "merge" => merged(program.running.as_deref(), document),
                _ => document.to_vec(),
            });
        }
        drop(truth);
        Ok(self.failure().unwrap_or_else(|| end(ScriptVerdict::Complete)))
    }
}
