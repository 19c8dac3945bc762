for (const bar of document.querySelectorAll('.filters')) {
  const rows = [...bar.nextElementSibling.querySelectorAll('tbody tr')], count = bar.querySelector('output');
  const choices = [...bar.querySelectorAll('select')];
  const show = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = choices.every(choice => {
        const text = row.children[choice.dataset.column].textContent;
        return !choice.value || text.split(' ').includes(choice.value) || text === choice.value;
      });
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown + ' of ' + rows.length;
  };
  for (const choice of choices) choice.onchange = show;
  show();
}
