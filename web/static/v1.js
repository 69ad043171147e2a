// The onboarding form in a page of the company's own:
//   Meterfarm.loadOnboardingForm(element, companyId, onboardingToken, (event) => { event.type ... })
(() => {
  "use strict";
  const here = document.currentScript.src.replace(/\/v1(\.js)?([?#].*)?$/, "");
  const origin = new URL(here).origin;
  const PATIENCE = 15000;
  const TWINS = { customerHasAuthenticated: ["customerHasAuthenticated", "bayouCustomerFinishedOnboarding"] };

  function refuse(name, message) {
    const error = new Error(message);
    error.name = name;
    throw error;
  }

  function check(element, companyId, token) {
    if (!(element instanceof HTMLElement)) {
      refuse("InvalidElementError", "The element for the onboarding form is not an HTML element.");
    }
    if (companyId === undefined || companyId === null || companyId === "") {
      refuse("CompanyIdMissingError", "The id of the company is missing.");
    }
    if (!/^\d+$/.test(String(companyId)) || !["string", "number"].includes(typeof companyId)) {
      refuse("CompanyIdNotAnInteger", "The id of the company is not a whole number.");
    }
    if (token === undefined || token === null || token === "") {
      refuse("OnboardingTokenMissingError", "The onboarding token is missing.");
    }
    if (typeof token !== "string" || /^https?:|[/?&=]/i.test(token)) {
      refuse("InvalidOnboardingTokenError", "The onboarding token is not a string, or is a link; give the customer's onboarding_token.");
    }
    if (!/^[A-Za-z0-9-]+_[A-Za-z0-9-]+_[A-Za-z0-9-]+$/.test(token)) {
      refuse("InvalidOnboardingTokenFormatError", "The onboarding token does not have the form of one.");
    }
  }

  function loadOnboardingForm(element, companyId, onboardingToken, callback) {
    check(element, companyId, onboardingToken);
    const asked = new URLSearchParams({ key: onboardingToken, origin: window.location.origin });
    const frame = document.createElement("iframe");
    frame.src = `${here}/companies/${companyId}/sign_up?${asked}`;
    frame.title = "Connect your utility account";
    frame.referrerPolicy = "no-referrer";
    Object.assign(frame.style, { width: "100%", height: "40rem", border: "0", display: "block", colorScheme: "light dark" });
    const seen = new Set();
    let isReady = false;

    function received(message) {
      if (!frame.isConnected && isReady) return window.removeEventListener("message", received);
      if (message.origin !== origin || message.source !== frame.contentWindow) return undefined;
      const said = message.data;
      if (said?.from !== "meterfarm") return undefined;
      isReady = true;
      if (Number.isFinite(said.height) && said.height > 0) frame.style.height = `${Math.min(said.height, 5000)}px`;
      if (typeof said.event !== "string" || seen.has(said.id)) return undefined;
      seen.add(said.id);
      for (const type of TWINS[said.event] ?? [said.event]) callback?.({ type });
      return undefined;
    }

    window.addEventListener("message", received);
    element.replaceChildren(frame);
    setTimeout(() => {
      if (!isReady && frame.isConnected) {
        console.error(`The onboarding form did not open. Is ${window.location.origin} among the origins that the company allows?`);
      }
    }, PATIENCE);
  }

  const Meterfarm = Object.freeze({ loadOnboardingForm });
  window.Meterfarm = Meterfarm;
  window.Bayou = Meterfarm;
})();
